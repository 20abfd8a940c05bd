"""`kill -9` at any moment, and SIGTERM: the run ends bit-identical to an uninterrupted one.

TFVAE_KILLS sets how often it is killed, twice if unset. Set it to 20 after a change to checkpoints or to run folders.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import tfvae
from tfvae import train
from tfvae.runs.folder import Run

KILLS = int(os.environ.get("TFVAE_KILLS", "2"))

EPOCHS = 300 if KILLS > 2 else 150
SETTINGS = ["network.hidden=[8]", "training.jit=off", "training.batch_size=256", "data.binarize=dynamic"]
COMMAND = ["--preset", "digits", "--set", *SETTINGS, f"training.epochs={EPOCHS}", "--resume", "--out"]

# The command itself, but half of its time goes into checkpoints, so that kills fall into the writing of them.
PROGRAM = (
    "import sys; from tfvae import train; from tfvae.engine import checkpoints; checkpoints._SHARE = 0.5\n"
    "sys.exit(train.main())"
)


def start(folder):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return subprocess.Popen([sys.executable, "-c", PROGRAM, *COMMAND, str(folder)], env=environment, **pipes)


def wait_for_new(process, folder, pattern):
    def seen():
        with contextlib.suppress(FileNotFoundError):  # renamed meanwhile
            return {(path, path.stat().st_mtime_ns) for path in folder.glob(pattern)}
        return set()

    there = seen()
    while process.poll() is None and not seen() - there:
        time.sleep(0.002)


def moment(process, folder, kind, dice):
    """Returns at the moment to kill: while it starts, trains, writes a checkpoint, or writes its files at the end."""
    if kind == "start":
        time.sleep(dice.uniform(0.0, 8.0))
    elif kind == "end":
        wait_for_new(process, folder, "*.keras")
        time.sleep(dice.uniform(0.0, 0.8))
    else:
        wait_for_new(process, folder, "checkpoints/*.index")
        if kind == "write":
            wait_for_new(process, folder, "checkpoints/*_temp")
            time.sleep(dice.uniform(0.0, 0.01))
        else:
            time.sleep(dice.uniform(0.0, 1.0 / max(KILLS, 5)))


def metrics_without_rates(run):
    lines = run.metrics()
    for line in lines:
        del line["train"]["examples_per_second"]
    return lines


@pytest.mark.slow
def test_kills_change_nothing(tmp_path):
    dice, folder = random.Random(KILLS), tmp_path / "killed"
    kinds = (["write", "end", "train", "start", "train"] * KILLS)[:KILLS]
    for kind in [*sorted([*kinds, "term"], key=["train", "term", "write", "start", "end"].index)]:
        process = start(folder)
        moment(process, folder, kind, dice)
        process.send_signal(signal.SIGTERM if kind == "term" else signal.SIGKILL)
        out, err = process.communicate(timeout=120)
        assert process.returncode == (143 if kind == "term" else -signal.SIGKILL), out + err
        assert ("stopping: checkpoint" in out) == (kind == "term")
    process = start(folder)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err

    assert train.main([*COMMAND, str(tmp_path / "whole"), "--quiet"]) == 0
    for got, expected in zip(*(tfvae.load(tmp_path / name).get_weights() for name in ("killed", "whole")), strict=True):
        np.testing.assert_array_equal(got, expected)
    killed, whole = (Run.open(tmp_path / name) for name in ("killed", "whole"))
    lines = metrics_without_rates(killed)
    assert len(lines) == EPOCHS
    assert lines == metrics_without_rates(whole)
    reports = killed.read_json("report.json"), whole.read_json("report.json")
    assert reports[0]["test"] == reports[1]["test"]
    assert reports[0]["best_epoch"] == reports[1]["best_epoch"]
    # Nothing is left of the files that were being written.
    assert {p.name for p in folder.iterdir()} == {p.name for p in (tmp_path / "whole").iterdir()}
    assert {p.name for p in killed.plots.iterdir()} == {p.name for p in whole.plots.iterdir()}
    assert len(list(killed.checkpoints.iterdir())) == 4
