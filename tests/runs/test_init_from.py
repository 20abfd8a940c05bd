"""`--init-from RUN`: a run from another's best weights, also after a kill, under a strategy and with averages."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import tfvae
from tests.tolerance import rounding
from tfvae import train
from tfvae.engine.loop import Loop
from tfvae.runs import execution
from tfvae.runs.folder import Run

SMALL = ["network.hidden=[8]", "network.latent_dim=2", "training.batch_size=128", "training.jit=off"]
# A step that moves no weight in float32.
STILL = ["training.learning_rate=1e-30", "training.epochs=1"]


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch):
    monkeypatch.setattr(execution.gallery, "draw", lambda *arguments, **options: execution.gallery.Drawn([], ""))


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """The run whose weights the others start from."""
    folder = tmp_path_factory.mktemp("runs") / "first"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(execution.gallery, "draw", lambda *arguments, **options: execution.gallery.Drawn([], ""))
        settings = [*SMALL, "training.epochs=2", "training.learning_rate=0.01"]
        assert train.main(["--quiet", "--out", str(folder), "--set", *settings]) == 0
    return folder


def begin(folder, origin, *settings, more=()):
    origin = [] if origin is None else ["--init-from", str(origin)]
    return train.main(["--out", str(folder), *origin, *more, "--set", *SMALL, *settings])


def assert_same_weights(folder, other, slack=0.0):
    for got, expected in zip(*(tfvae.load(run).get_weights() for run in (folder, other)), strict=True):
        np.testing.assert_allclose(got, expected, rtol=slack, atol=0)


@pytest.mark.parametrize("settings", [[], ["training.ema=0.9"], ["objective.kl_weight=4", "seed=9"]], ids=str)
def test_it_starts_from_the_best_weights(first, tmp_path, capsys, settings):
    assert begin(tmp_path / "run", first, *STILL, *settings) == 0
    # An average over ten steps of one value is rounded at each.
    assert_same_weights(tmp_path / "run", first, rounding("float32", 10) if "training.ema=0.9" in settings else 0.0)
    assert f"initial weights: the best of {first}.\n" in capsys.readouterr().out
    fact = Run.open(tmp_path / "run").facts["init_from"]
    assert fact["run"] == str(first)
    assert fact["weights"].startswith("sha256:")


def test_under_a_strategy(first, tmp_path, mirrored):
    assert begin(tmp_path / "run", first, *STILL, "training.strategy=mirrored", "training.replicas=2") == 0
    assert_same_weights(tmp_path / "run", first)


def test_other_data_and_another_precision(first, tmp_path):
    x = np.random.default_rng(0).random([200, 8, 8], np.float32)
    np.savez(tmp_path / "x.npz", x=x)
    other = ["data.name=npz", f"data.path={tmp_path / 'x.npz'}", "training.precision=float64"]
    assert begin(tmp_path / "run", first, *STILL, *other) == 0
    assert_same_weights(tmp_path / "run", first)
    # A change of the data is no change of the fact.
    assert Run.open(tmp_path / "run").facts["init_from"]["run"] == str(first)


def killed(self, epoch_end=None):
    raise KeyboardInterrupt


def test_a_kill_before_the_first_checkpoint(first, tmp_path, monkeypatch, capsys):
    folder, other = tmp_path / "run", shutil.copytree(first, tmp_path / "other")
    with monkeypatch.context() as patched:
        patched.setattr(Loop, "run", killed)
        assert begin(folder, other, "training.epochs=2") == 130
    before = (folder / "config.yaml").read_text()
    moved = (other / "model.keras").rename(tmp_path / "kept.keras")
    capsys.readouterr()
    assert train.main(["--out", str(folder), "--resume"]) == 2
    said = capsys.readouterr().err
    assert f"{folder}: has no checkpoint yet, and the run whose weights it starts from cannot be used" in said
    assert said.count("\n") == 1
    assert begin(tmp_path / "third", first, "seed=4", *STILL, "training.learning_rate=0.1") == 0
    shutil.copy(tmp_path / "third" / "model.keras", other)
    capsys.readouterr()
    assert train.main(["--out", str(folder), "--resume"]) == 2
    assert "from which it started, have changed" in capsys.readouterr().err
    assert (folder / "config.yaml").read_text() == before

    moved.rename(other / "model.keras")
    # The command line of the first start goes on too.
    assert begin(folder, other, "training.epochs=2", more=["--preset", "digits", "--resume"]) == 0
    assert begin(tmp_path / "whole", first, "training.epochs=2") == 0
    assert_same_weights(folder, tmp_path / "whole")


def test_a_run_with_a_checkpoint_needs_the_other_no_more(first, tmp_path, capsys):
    other = shutil.copytree(first, tmp_path / "other")
    assert begin(tmp_path / "run", other, *STILL) == 0
    shutil.rmtree(other)
    assert begin(tmp_path / "run", other, *STILL, "training.epochs=2", more=["--resume", "--preset", "digits"]) == 0
    assert "resuming at step 10 of 20" in capsys.readouterr().out
    assert_same_weights(tmp_path / "run", first)


def test_another_run_is_refused_when_one_goes_on(first, tmp_path, capsys):
    assert begin(tmp_path / "plain", None, *STILL) == 0
    capsys.readouterr()
    assert train.main(["--out", str(tmp_path / "plain"), "--resume", "--init-from", str(first)]) == 2
    said = capsys.readouterr().err
    assert f"--init-from {first}: the run in {tmp_path / 'plain'} started from random weights" in said
    assert begin(tmp_path / "run", first, *STILL) == 0
    capsys.readouterr()
    assert train.main(["--out", str(tmp_path / "run"), "--resume", "--init-from", str(tmp_path / "plain")]) == 2
    assert f"started from {first}; leave --init-from out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["network.hidden=[9]"], "other settings of the network: network.hidden: [8] → [9]"),
        (["network.latent_dim=3"], "network.latent_dim: 2 → 3"),
        (["network.activation=tanh"], "network.activation: relu → tanh"),
        (["likelihood.name=gaussian"], "its decoder gives logits, that of the new run mean"),
        (["prior.trainable=true"], "its prior has 0 weights, that of the new run 2"),
        (
            ["data.name=blobs", "likelihood.name=gaussian"],
            "its examples have shape [8, 8, 1], those of the new run [2]",
        ),
    ],
)
def test_other_networks_are_one_sentence_and_leave_nothing(first, tmp_path, capsys, settings, said):
    assert begin(tmp_path / "run", first, *STILL, *settings) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.startswith("tfvae: --init-from ")
    assert told.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_run_that_cannot_be_used(tmp_path, capsys):
    assert begin(tmp_path / "run", tmp_path / "nowhere", *STILL) == 2
    assert "nowhere: not a run folder" in capsys.readouterr().err
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
    Run.create(tmp_path / "begun", tfvae.Config(), {})
    assert begin(tmp_path / "run", tmp_path / "begun", *STILL) == 2
    assert "begun: the run has not finished" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_other_names_of_the_labels_are_said(tmp_path, capsys):
    x = np.random.default_rng(0).random([150, 8, 8], np.float32)
    for name, labels in (("animals", ["cat", "dog", "owl"]), ("numbers", ["0", "1", "2"])):
        np.savez(tmp_path / f"{name}.npz", x=x, y=np.resize(labels, 150))
    small = ["data.name=npz", "network.condition=label", "training.batch_size=32", *STILL]
    assert begin(tmp_path / "a", None, *small, f"data.path={tmp_path / 'animals.npz'}") == 0
    capsys.readouterr()
    assert begin(tmp_path / "b", tmp_path / "a", *small, f"data.path={tmp_path / 'numbers.npz'}") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "it was cat, dog, owl, here 0, 1, 2; the weights are taken in this order." in said
