"""`python -m tfvae.train --plan`: what a run would take, and nothing is written."""

from __future__ import annotations

import re

import pytest

from tfvae import train
from tfvae.runs import execution, experiment
from tfvae.runs.folder import Run

SMALL = ["network.hidden=[8]", "network.latent_dim=2", "training.batch_size=128", "training.jit=off"]


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch):
    monkeypatch.setattr(execution.gallery, "draw", lambda *arguments, **options: execution.gallery.Drawn([], ""))


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    """Measures a moment, as one who waits has no minute."""
    monkeypatch.setattr("tfvae.runs.plan_speed._ENOUGH", 0.2)


def planned(capsys, folder, *arguments):
    """The lines of the plan by label; nothing may appear or change under the folder."""
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    capsys.readouterr()
    assert train.main(["--plan", *arguments]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    return dict(re.findall(r"^  (\w+) {2,}(.*)$", said.out, re.MULTILINE))


def test_a_new_run(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = planned(capsys, tmp_path, "--set", *SMALL, "training.epochs=400")
    assert list(found) == ["steps", "parameters", "memory", "peak", "disk", "time"]
    assert found["steps"] == "10 per epoch, 4,000 in all"
    parameters = (64 * 8 + 8) + 2 * (8 * 2 + 2) + (2 * 8 + 8) + (8 * 64 + 64)
    assert found["parameters"] == f"{parameters:,}"
    assert found["memory"].startswith(f"weights {4 * parameters / 1000:.1f} kB, best weights ")
    assert re.match(r"about \d+ s, from [\d,]+ measured steps a second; the pictures", found["time"])
    assert "checkpoints (two, and one while it is written) " in found["disk"]


def test_the_figures_are_those_of_the_run(settings):
    """Sizes by hand: float64 weights, Adam's two slots, uint8 digits, an output of every layer."""
    recipe = settings("training.precision=float64", "training.early_stopping=2", "data.scaling=unit")
    found = experiment.plan(recipe, quiet=True)
    n, (train_, validation, test) = found.parameters, (1294, 144, 359)
    assert found.steps == found.left == 3 * (train_ // 16)
    weights = n * 8
    assert found.memory["weights"] == found.memory["best weights"] == found.memory["gradients"] == weights
    assert 2 * weights <= found.memory["optimizer"] <= 2 * weights + 64  # its step and its learning rate
    assert found.memory["data"] == 64 * (train_ + validation + test)
    assert found.memory["data on the device"] == 64 * (train_ + validation)
    outputs = [64, 64, 8, 8, 2, 2] + [2, 8, 8, 64]
    [activations] = [size for name, size in found.memory.items() if "estimated" in name]
    assert activations >= 16 * 8 * sum(outputs)
    assert found.disk["networks"] == 2 * 4 * n
    assert found.at_most
    assert found.seconds >= found.left / found.rate > 0


def test_what_trains_is_not_longer_than_a_run(settings):
    """A run that ends before enough is measured is measured whole."""
    found = experiment.plan(settings("training.epochs=1", "training.batch_size=1200"), quiet=True)
    assert (found.steps, found.left) == (1, 1)
    assert found.rate > 0


def test_the_rest_of_a_run(tmp_path, capsys):
    folder = tmp_path / "run"
    assert train.main(["--quiet", "--out", str(folder), "--set", *SMALL, "training.epochs=2"]) == 0
    resume = ["--out", str(folder), "--resume"]
    found = planned(capsys, tmp_path, *resume)
    assert found["steps"] == "10 per epoch, 20 in all, 0 left"
    assert found["time"] == "nothing is left to do"
    found = planned(capsys, tmp_path, *resume, "--set", "training.epochs=7")
    assert found["steps"] == "10 per epoch, 70 in all, 50 left"
    assert Run.open(folder).config.training.epochs == 2
    assert train.main(["--plan", *resume, "--set", "training.learning_rate=1"]) == 2
    assert "training.learning_rate: 0.003 → 1" in capsys.readouterr().err
    assert train.main(["--plan", *resume, "--set", "training.learning_rate=1", "--allow-changed"]) == 0


def test_a_run_from_the_weights_of_another(tmp_path, capsys):
    assert train.main(["--quiet", "--out", str(tmp_path / "run"), "--set", *SMALL, "training.epochs=1"]) == 0
    start = ["--init-from", str(tmp_path / "run"), "--set", *SMALL, "training.epochs=3"]
    assert planned(capsys, tmp_path, *start)["steps"] == "10 per epoch, 30 in all"
    assert train.main(["--plan", *start, "network.hidden=[9]"]) == 2
    assert "network.hidden: [8] → [9]" in capsys.readouterr().err


def test_data_on_disk_are_read_ahead(tmp_path, capsys, settings):
    from tfvae.data import shards

    assert shards.main(["--out", str(tmp_path / "shards")]) == 0
    recipe = settings("data.name=shards", f"data.path={tmp_path / 'shards'}", "training.batch_size=100")
    found = experiment.plan(recipe, quiet=True)
    assert "data" not in found.memory
    assert found.memory["examples read ahead"] == 2 * 4 * 100 * 64  # four steps a call


def test_two_replicas(mirrored, settings):
    recipe = settings("training.strategy=mirrored", "training.replicas=2")
    one, two = (experiment.plan(each, quiet=True) for each in (settings(), recipe))
    [name] = [name for name in one.memory if "estimated" in name]
    assert two.memory[name] == one.memory[name] // 2
    assert two.memory["weights"] == one.memory["weights"]


def test_mistakes_are_one_sentence(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for arguments, said in (
        (["--strategy", "multiworker"], "--plan: measures this machine only"),
        (["--set", "training.batch_size=5000"], "expected at most the 1294 training examples"),
        (["--set", *SMALL, "training.learning_rate=1e30"], "not finite"),
    ):
        assert train.main(["--plan", *arguments]) == 2
        told = capsys.readouterr().err
        assert said in told
        assert told.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_quiet_prints_the_plan_alone(capsys):
    assert train.main(["--plan", "--quiet", "--set", *SMALL, "training.epochs=1"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("  steps           10 per epoch, 10 in all\n")
    assert len(said.splitlines()) == 6
