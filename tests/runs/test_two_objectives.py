"""A family with two objectives, made outside the package, from the command line to the end of its run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tfvae
from tfvae import train
from tfvae.runs import execution
from tfvae.runs.folder import Run

OUTSIDE = Path(__file__).parents[1] / "outside"
SETTINGS = [
    "model.name=toyfamily:Probed",
    "training.optimizers.probe.learning_rate=0.05",
    "training.optimizers.probe.learning_rate_schedule=constant",
    "network.hidden=[8]",
    "data.binarize=dynamic",
    "training.batch_size=128",
    "training.learning_rate=0.01",
    "training.jit=off",
]


@pytest.fixture(autouse=True)
def _outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(OUTSIDE))
    monkeypatch.setattr(execution.gallery, "draw", lambda *arguments, **options: [])


def command(folder: Path, *settings: str) -> list[str]:
    return ["--preset", "digits", "--quiet", "--out", str(folder), "--set", *SETTINGS, *settings]


def trained(folder: Path, *settings: str, options: tuple[str, ...] = ()) -> Run:
    assert train.main([*options, *command(folder, *settings)]) == 0
    return Run.open(folder, allow_code=["toyfamily"])


def weights(run: Run) -> list[np.ndarray]:
    return tfvae.load(run.folder, allow_code=["toyfamily"]).get_weights()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An uninterrupted run of six epochs."""
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(OUTSIDE))
        patched.setattr(execution.gallery, "draw", lambda *arguments, **options: [])
        return trained(tmp_path_factory.mktemp("two") / "whole", "training.epochs=6")


def test_its_metrics_are_named_and_both_objectives_improve(whole: Run, capsys: Any) -> None:
    lines = whole.metrics()
    assert len(lines) == 6
    for split in ("train", "validation"):
        assert {"loss", "elbo", "kl", "probe/loss", "probe/error"} <= set(lines[-1][split])
        for name in ("loss", "probe/loss"):
            assert lines[-1][split][name] < lines[0][split][name]
    assert {"gradient_norm", "probe/gradient_norm"} <= set(lines[-1]["train"])
    report = whole.read_json("report.json")
    assert report["test"]["probe/loss"] > 0
    assert train.main(["--allow-code", "toyfamily", "--out", str(whole.folder), "--resume"]) == 0
    assert "probe" in capsys.readouterr().out


def test_the_second_learning_rate_is_its_own(whole: Run, tmp_path: Path) -> None:
    slow = trained(tmp_path / "slow", "training.epochs=6", "training.optimizers.probe.learning_rate=1e-9")
    probe = tfvae.load(slow.folder, allow_code=["toyfamily"]).probe.get_weights()
    before = tfvae.load(whole.folder, allow_code=["toyfamily"]).probe.get_weights()
    assert any(np.any(np.abs(a - b) > 0.01) for a, b in zip(probe, before, strict=True))
    # The probe stops the gradient at z, so it does not affect the other objective.
    for name in ("encoder", "decoder"):
        pair = (getattr(tfvae.load(run.folder, allow_code=["toyfamily"]), name) for run in (whole, slow))
        for a, b in zip(*(network.get_weights() for network in pair), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_killed_and_resumed_it_ends_with_the_same_bits(whole: Run, tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    program = (
        "import sys; from tfvae import train; from tfvae.engine import checkpoints; checkpoints._SHARE = 0.5\n"
        "sys.exit(train.main())"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(OUTSIDE), *sys.path]), "TF_CPP_MIN_LOG_LEVEL": "3"}
    arguments = [sys.executable, "-c", program, *command(folder, "training.epochs=6", "training.steps_per_call=3")]
    process = subprocess.Popen(arguments, env=environment)
    deadline = time.monotonic() + 120
    while not list(folder.glob("checkpoints/*.index")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL
    assert not (folder / "report.json").exists()
    assert train.main(["--quiet", "--allow-code", "toyfamily", "--out", str(folder), "--resume"]) == 0
    for a, b in zip(weights(Run.open(folder, allow_code=["toyfamily"])), weights(whole), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.usefixtures("mirrored")
def test_two_replicas_are_one(tmp_path: Path) -> None:
    double = ("training.epochs=2", "training.precision=float64", "likelihood.name=gaussian", "data.binarize=none")
    one = trained(tmp_path / "one", *double)
    two = trained(tmp_path / "two", *double, options=("--strategy", "mirrored", "--replicas", "2"))
    for a, b in zip(one.metrics(), two.metrics(), strict=True):
        for name in ("loss", "elbo", "probe/loss"):
            np.testing.assert_allclose(a["train"][name], b["train"][name], rtol=1e-9)
            np.testing.assert_allclose(a["validation"][name], b["validation"][name], rtol=1e-9)


def test_float16_guards_both_together(tmp_path: Path) -> None:
    run = trained(tmp_path / "half", "training.epochs=1", "training.precision=mixed_float16")
    line = run.metrics()[0]["train"]
    assert line["loss_scale"] == line["probe/loss_scale"] == 2.0**15
    assert line["skipped"] == 0


def test_a_file_that_names_it_is_refused_without_its_package(whole: Run, tmp_path: Path, capsys: Any) -> None:
    copied = shutil.copytree(whole.folder, tmp_path / "copy")
    assert train.main(["--out", str(copied), "--resume"]) == 2
    assert "pass --allow-code toyfamily" in capsys.readouterr().err
    with pytest.raises(tfvae.UserError, match="pass --allow-code toyfamily"):
        tfvae.load(copied)


def test_an_optimizer_for_no_objective_is_refused(tmp_path: Path, capsys: Any) -> None:
    assert train.main(command(tmp_path / "run", "training.optimizers.prob.learning_rate=0.1")) == 2
    assert "training.optimizers: no objective 'prob' (did you mean probe?)" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
