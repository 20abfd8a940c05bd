"""Two workers on this machine, through the command: they train like one process, and stop and resume together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tests import ports
from tfvae import train
from tfvae.runs.folder import Run

SETTINGS = [
    "training.precision=float64",
    "network.hidden=[8]",
    "network.latent_dim=2",
    "data.binarize=dynamic",
    "training.batch_size=128",
    "training.clip_norm=5",
    "training.ema=0.9",
    "training.jit=off",
]
EPOCHS = 40

PLANTED = """
import hashlib, json, sys
import numpy as np, tensorflow as tf
from tests import ports
from tfvae import train
from tfvae.objectives.loss import Loss
from tfvae.models.vae import VAE
from tfvae.engine import loop, step
from tfvae.engine.cluster import environment as cluster

INDEX, OUT = sys.argv.pop(1), sys.argv.pop(1)
objectives, call, seen = VAE.objectives, step.Step.__call__, []

@tf.custom_gradient
def through(x, there):
    return x, lambda upstream: (tf.where(there, np.inf * tf.ones_like(upstream), upstream), None)

def breaking(self):
    [objective] = objectives(self)
    def broken(batch, address, schedule, training):
        loss = objective.loss(batch, address, schedule, training)
        there = tf.reduce_all(address.step == 2) & (batch.first_example >= 128)
        return Loss(through(loss.total, tf.fill(tf.shape(loss.total), there)), loss.terms)
    return [objective._replace(loss=broken)]

def watched(self, elements):
    records = call(self, elements)
    record = {name: float(v) for name, v in self.layout.unpack(records.numpy()[0]).items() if v.ndim == 0}
    [trainer] = self._trainers
    variables = [*trainer.objective.variables, *trainer.optimizer.variables]
    moved = b"".join(np.asarray(v.value).tobytes() for v in variables)
    seen.append([hashlib.sha256(moved).hexdigest(), record["skipped"], record["loss_scale"]])
    return records

VAE.objectives, step.Step.__call__ = breaking, watched
status = train.main()
open(f"{OUT}/seen-{INDEX}.json", "w").write(json.dumps(seen))
cluster.leave(status)
"""


class Pair:
    """Two workers of one command."""

    def __init__(self, arguments, program=None):
        addresses = [f"127.0.0.1:{port}" for port in ports.free(2)]
        self.processes = []
        for index in range(2):
            task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_CONFIG": json.dumps(task)}
            begin = ["-c", program, str(index)] if program else ["-m", "tfvae.train"]
            pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            command = [sys.executable, *begin, *map(str, arguments)]
            self.processes.append(subprocess.Popen(command, env=environment, **pipes))

    def wait_for(self, sign):
        while not sign() and all(process.poll() is None for process in self.processes):
            time.sleep(0.01)

    def end(self):
        """Status, standard output and standard error of each."""
        try:
            said = [process.communicate(timeout=240) for process in self.processes]
        finally:
            for process in self.processes:
                process.kill()
        return [(process.returncode, *text) for process, text in zip(self.processes, said)]


def command(folder, *changes):
    return ["--preset", "digits", "--out", folder, "--resume", "--set", *SETTINGS, *changes]


def epochs_in(folder):
    path = folder / "metrics.jsonl"
    return path.read_text().count("\n") if path.exists() else 0


def figures(value):
    """All numbers of a line or report but the speeds, flat."""
    if isinstance(value, dict):
        return [n for key, each in sorted(value.items()) if key != "examples_per_second" for n in figures(each)]
    return [n for each in value for n in figures(each)] if isinstance(value, list) else [value]


@pytest.mark.slow
def test_two_workers_train_stop_and_go_on_as_one(tmp_path):
    folder, alone = tmp_path / "two", tmp_path / "one"
    whole = [*command(folder, f"training.epochs={EPOCHS}"), "--strategy", "multiworker"]

    # SIGTERM to one stops both, after the same step.
    pair = Pair(whole)
    pair.wait_for(lambda: epochs_in(folder) >= 5)
    pair.processes[1].send_signal(signal.SIGTERM)
    chief, other = pair.end()
    assert chief[0] == other[0] == 143, (chief, other)
    assert "multiworker strategy with 2 replica(s)" in chief[1]
    assert "--resume continues from it" in chief[1]
    assert other[1:] == ("", "")
    stopped = epochs_in(folder)
    assert 5 <= stopped < EPOCHS

    # A worker that dies ends the other.
    pair = Pair(whole)
    pair.wait_for(lambda: epochs_in(folder) >= stopped + 3)
    pair.processes[1].kill()
    (status, out, err), _ = pair.end()
    assert status == 2, (out, err)
    assert "resuming at step" in out
    assert "tfvae: worker 0: worker 1 (127.0.0.1:" in err
    assert "was lost; check its log for the reason, then start all workers again with --resume." in err
    assert len(err.splitlines()) == 1

    chief, other = Pair(whole).end()
    assert chief[0] == other[0] == 0, (chief, other)
    assert other[1:] == ("", "")

    assert train.main([*map(str, command(alone, f"training.epochs={EPOCHS}")), "--quiet"]) == 0
    runs = Run.open(folder), Run.open(alone)
    lines = [run.metrics() for run in runs]
    assert [line["epoch"] for line in lines[0]] == list(range(1, EPOCHS + 1))
    assert lines[0][-1]["train"]["loss"] < lines[0][0]["train"]["loss"] - 2
    np.testing.assert_allclose(figures(lines[0]), figures(lines[1]), rtol=1e-9, atol=1e-12)
    tests = [figures(run.read_json("report.json")["test"]) for run in runs]
    np.testing.assert_allclose(*tests, rtol=1e-9, atol=1e-12)

    # Only the chief has written, once for each start.
    assert len(list((folder / "tensorboard" / "train").iterdir())) == 3
    assert {path.name for path in folder.iterdir()} == {path.name for path in alone.iterdir()}


@pytest.mark.slow
def test_an_infinity_on_one_worker_moves_nothing_on_either(tmp_path):
    changes = ["training.precision=mixed_float16", "training.steps_per_call=1", "training.batch_size=256"]
    changes += ["training.jit=on"]
    asked = [*command(tmp_path / "run", *changes, "training.epochs=1"), "--strategy", "multiworker", "--quiet"]
    for status, _, err in Pair([tmp_path, *asked], PLANTED).end():
        assert status == 0, err
    chief, other = (json.loads((tmp_path / f"seen-{index}.json").read_text()) for index in range(2))
    assert chief == other
    assert [skipped for _, skipped, _ in chief] == [0, 0, 1, 0, 0]
    assert [scale for _, _, scale in chief] == [2.0**15, 2.0**15, 2.0**14, 2.0**14, 2.0**14]
    assert len({moved for moved, _, _ in chief}) == 4
    assert chief[1][0] == chief[2][0]
