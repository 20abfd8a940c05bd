"""`python -m tfvae.train --resume`: begun where there is nothing, gone on with, changed, or refused in one sentence."""

from __future__ import annotations

import contextlib
import io
import shutil

import pytest
import yaml

from tfvae import train
from tfvae.engine.loop import Loop
from tfvae.runs import execution
from tfvae.runs.folder import Run

SMALL = ["network.hidden=[8]", "training.jit=off", "training.batch_size=128"]


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch):
    monkeypatch.setattr(execution.gallery, "draw", lambda *arguments, **options: execution.gallery.Drawn([], ""))


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A run of two epochs that was begun with --resume, in a folder whose creation had been cut off; what it said."""
    folder, printed = tmp_path_factory.mktemp("runs") / "first", io.StringIO()
    for part in ("checkpoints", "plots"):
        (folder / part).mkdir(parents=True)
    (folder / ".tfvae-config-12345678.yaml").write_text("data: {na")
    with pytest.MonkeyPatch.context() as patched, contextlib.redirect_stdout(printed):
        patched.setattr(execution.gallery, "draw", lambda *arguments, **options: execution.gallery.Drawn([], ""))
        assert train.main(command(folder, "training.epochs=2")) == 0
    return folder, printed.getvalue()


@pytest.fixture
def run(first, tmp_path):
    """A copy of that run."""
    return Run.open(shutil.copytree(first[0], tmp_path / "run"))


def command(folder, *changes):
    """One command line for the first start and all others."""
    return ["--preset", "digits", "--out", str(folder), "--resume", "--set", *SMALL, *changes]


def resumed(run, *arguments):
    return train.main(["--out", str(run.folder), "--resume", *arguments])


def text(run):
    return (run.folder / "config.yaml").read_text()


def test_one_command_line_begins_a_run_and_leaves_it_once_it_has_ended(first, capsys):
    folder, said = first
    assert said.startswith(f"{folder} has no run yet; starting one.\n")
    assert train.main(command(folder, "training.epochs=2")) == 0
    assert capsys.readouterr().out.startswith("this run has already finished; nothing to do.\n")
    assert not list(folder.glob(".tfvae-*"))
    examples = {"shape": [8, 8, 1], "train": 1294, "validation": 144, "test": 359}
    assert Run.open(folder).facts["examples"] == examples


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["--set", "training.learning_rate=0.5"], "training.learning_rate: 0.003 → 0.5 (changes the result)"),
        (["--set", "training.epochs=1"], "training.epochs: 2 → 1 (changes the result)"),
        (["--seed", "4", "--allow-changed"], "seed: 0 → 4 (impossible: "),
        (["--set", "network.hidden=[9]", "--allow-changed"], "network.hidden: [8] → [9] (impossible: "),
        (["--preset", "blobs", "--allow-changed"], "data.name: digits → blobs"),
        (["--set", "training.epochs=3", "training.accumulation=3"], "training.accumulation: got 3, expected a divisor"),
    ],
)
def test_what_changes_the_result_is_refused_in_one_sentence(run, capsys, changes, said):
    before = text(run)
    assert resumed(run, *changes) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert text(run) == before
    assert run.ended


def test_a_run_that_ended_goes_on_for_longer_and_no_other_change_touches_it(run, capsys):
    before, facts = text(run), run.facts
    assert resumed(run, "--set", "training.jit=on") == 0
    assert "nothing to do" in capsys.readouterr().out
    assert text(run) == before

    lines = run.metrics()
    assert train.main(command(run.folder, "training.epochs=3")) == 0
    said = capsys.readouterr().out
    assert (
        "changed: training.epochs: 2 → 3 (a decaying learning rate is stretched over the new number of epochs).\n"
        in said
    )
    assert "resuming at step 20 of 30.\n" in said
    longer = Run.open(run.folder)
    assert longer.config.training.epochs == 3
    assert longer.facts == facts
    assert longer.metrics()[:2] == lines
    assert longer.read_json("report.json")["epochs"] == 3


def test_a_kill_after_the_change_loses_neither_the_change_nor_the_run(run, monkeypatch, capsys):
    def killed(self, epoch_end=None):
        raise KeyboardInterrupt

    longer = ["--set", "training.epochs=3", "training.learning_rate=0.01", "--allow-changed"]
    with monkeypatch.context() as patched:
        patched.setattr(Loop, "run", killed)
        assert resumed(run, *longer) == 130
    assert not run.ended
    assert Run.open(run.folder).config.training.epochs == 3
    capsys.readouterr()
    assert resumed(run) == 0
    said = capsys.readouterr().out
    assert "resuming at step 20 of 30.\n" in said
    assert "changed" not in said
    assert Run.open(run.folder).read_json("report.json")["epochs"] == 3


def test_other_data_in_the_same_place_are_refused(tmp_path, capsys):
    rows = tmp_path / "rows.csv"
    rows.write_text("a,b\n" + "".join(f"{i},{-i * i}\n" for i in range(40)))
    settings = ["data.name=csv", f"data.path={rows}", "likelihood.name=gaussian", "training.batch_size=8"]
    begin = ["--out", str(tmp_path / "run"), "--set", *SMALL, "training.epochs=1", *settings]
    assert train.main(begin) == 0
    moved = rows.rename(tmp_path / "moved.csv")
    run, longer = Run.open(tmp_path / "run"), ["--set", "training.epochs=2", f"data.path={moved}"]
    with moved.open("a") as file:
        file.write("40,2\n41,3\n")
    before = text(run)
    assert resumed(run, *longer) == 2
    told = capsys.readouterr().err
    assert "not those that the run was trained on: examples came or went (train 40; now train 42); restore" in told
    assert text(run) == before
    moved.write_text("".join(moved.read_text().splitlines(keepends=True)[:-2]))
    assert resumed(run, *longer) == 0
    assert yaml.safe_load(text(run))["data"]["path"] == str(moved)
