"""Data that moved or changed after training: resume, plot and export know them again, and name what differs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfvae import config, plot, train
from tfvae.errors import UserError
from tfvae.export import __main__ as export_command
from tfvae.export import subject
from tfvae.plots import gallery
from tfvae.runs import experiment
from tfvae.runs.folder import Run

GOLDEN = Path(__file__).parent / "golden" / "runs_v0.1.0"
SMALL = ["network.hidden=[8]", "network.latent_dim=2", "training.jit=off", "training.batch_size=8", "training.epochs=1"]
ROWS = [f"{i},{-i * i}" for i in range(40)]
DRAWN = gallery.Drawn([], "")


def write(path, rows, header="a,b"):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch):
    monkeypatch.setattr(gallery, "draw", lambda *arguments, **options: DRAWN)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with rows.csv, and a run on it that has ended."""
    folder = tmp_path_factory.mktemp("trained")
    rows = write(folder / "rows.csv", ROWS)
    settings = [*SMALL, "data.name=csv", f"data.path={rows}", "likelihood.name=gaussian"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(gallery, "draw", lambda *arguments, **options: DRAWN)
        assert train.main(["--quiet", "--out", str(folder / "run"), "--set", *settings]) == 0
    return folder


@pytest.fixture
def run(trained, tmp_path):
    """A copy of the run whose data have moved: the path in it is of no file."""
    folder = shutil.copytree(trained / "run", tmp_path / "run")
    text = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(text.replace(str(trained / "rows.csv"), str(tmp_path / "gone.csv")))
    return Run.open(folder)


def place(run):
    return Run.open(run.folder).config.data.path


def resumed(run, *arguments):
    return train.main(["--out", str(run.folder), "--resume", *arguments])


COMMANDS = {
    "train": lambda run, *arguments: resumed(run, *arguments),
    "plot": lambda run, *arguments: plot.main([str(run.folder), *arguments]),
    "export": lambda run, *arguments: export_command.main([str(run.folder), *arguments]),
}


def test_the_run_holds_the_fingerprint_and_so_does_its_report(run):
    found = run.facts["fingerprint"]
    assert list(found["columns"]) == ["a", "b"]
    assert found["splits"]["train"]["count"] == 40
    assert run.read_json("report.json")["fingerprint"] == found


@pytest.mark.parametrize("command", ["train", "plot"])
def test_the_new_place_of_the_same_data_is_kept(command, run, tmp_path, capsys):
    moved = write(tmp_path / "moved.csv", ROWS)
    before = (run.folder / "report.json").read_text()
    assert COMMANDS[command](run, "--set", f"data.path={moved}") == 0
    assert "changed data" not in capsys.readouterr().out
    assert place(run) == str(moved)
    assert (run.folder / "report.json").read_text() == before
    assert COMMANDS[command](run) == 0


def test_the_new_place_is_kept_by_an_export(run, tmp_path):
    moved = write(tmp_path / "moved.csv", ROWS)
    assert len(subject.of(run, [f"data.path={moved}"]).training) == 29
    assert place(run) == str(moved)


OTHERS = {
    "the order of the examples": (ROWS[::-1], "a,b"),
    "the values of column b": ([f"{i},{i * i}" for i in range(40)], "a,b"),
    "column b is called c": (ROWS, "a,c"),
    "examples came or went (train 40; now train 39)": (ROWS[1:], "a,b"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("what", OTHERS)
def test_other_data_are_refused_and_what_differs_is_named(command, what, run, tmp_path, capsys):
    other = write(tmp_path / "other.csv", *OTHERS[what])
    assert COMMANDS[command](run, "--set", f"data.path={other}") == 2
    said = capsys.readouterr().err
    assert f"the data are not those that the run was trained on: {what};" in said
    assert "--allow-changed-data" in said
    assert said.count("\n") == 1
    assert place(run) == str(tmp_path / "gone.csv")


def test_other_data_are_drawn_when_asked_for(run, tmp_path, capsys):
    other = write(tmp_path / "other.csv", ROWS[::-1])
    assert COMMANDS["plot"](run, "--allow-changed-data", "--set", f"data.path={other}") == 0
    assert "changed data: the data are not those" in capsys.readouterr().err
    assert place(run) == str(tmp_path / "gone.csv")


def test_training_goes_on_with_other_data_when_asked_for_and_keeps_them(run, tmp_path, capsys):
    other = write(tmp_path / "other.csv", ROWS[::-1])
    longer = ["--set", f"data.path={other}", "training.epochs=2"]
    assert resumed(run, *longer) == 2
    assert run.ended
    capsys.readouterr()
    assert resumed(run, "--allow-changed-data", *longer) == 0
    assert "changed data: the data are not those that the run was trained on: the order" in capsys.readouterr().out
    assert Run.open(run.folder).facts["fingerprint"] != run.facts["fingerprint"]
    assert resumed(run, "--set", "training.epochs=3") == 0


def test_a_checkpoint_that_cannot_fit_other_data_is_said(run, tmp_path, capsys):
    more = write(tmp_path / "more.csv", [*ROWS, *(f"{i},{i}" for i in range(100, 130))])
    assert resumed(run, "--allow-changed-data", "--set", f"data.path={more}", "training.epochs=2") == 2
    assert "the checkpoint does not fit these data" in capsys.readouterr().err
    assert run.ended


@pytest.mark.parametrize("command", ["plot", "export"])
def test_other_settings_belong_to_training(command, run, capsys):
    assert COMMANDS[command](run, "--set", "training.epochs=3") == 2
    assert "only the place of the data can change here; expected data.path" in capsys.readouterr().err


def test_changed_data_need_a_run(capsys):
    assert train.main(["--allow-changed-data"]) == 2
    assert "--allow-changed-data: needs --resume" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["ended", "stopped"])
def test_a_run_without_a_fingerprint_says_so_once_and_goes_on(name, tmp_path, capsys):
    folder = shutil.copytree(GOLDEN / name, tmp_path / name)
    assert train.main(["--out", str(folder), "--resume", "--set", "training.epochs=5"]) == 0
    assert capsys.readouterr().out.count("no fingerprint of its data") == 1
    assert Run.open(folder).facts["fingerprint"]["version"] == 1
    assert plot.main([str(folder)]) == 0
    assert "fingerprint" not in capsys.readouterr().err


def test_files_are_named(tmp_path, capsys):
    photos, out = tmp_path / "photos", tmp_path / "run"
    photos.mkdir()
    for i in range(16):
        (photos / f"{i:02}.png").write_bytes(tf.io.encode_png(np.full([8, 8, 1], 9 * i, np.uint8)).numpy())
    settings = ["data.name=images", f"data.path={photos}", "data.image_size=[8,8]", "data.channels=1"]
    assert train.main(["--quiet", "--out", str(out), "--set", *SMALL, *settings]) == 0
    assert set(json.loads((out / "data-files.json").read_text())) == {f"{i:02}.png" for i in range(16)}
    shutil.copyfile(photos / "03.png", photos / "more.png")
    (photos / "04.png").unlink()
    capsys.readouterr()
    assert plot.main([str(out)]) == 2
    assert "1 file came (more.png); 1 file went (04.png)" in capsys.readouterr().err


def test_the_folder_of_a_keras_set_may_move(tmp_path, capsys):
    x, y = np.random.default_rng(0).integers(0, 256, [60, 8, 8], np.uint8), np.arange(60) % 10
    for name in ("old", "new", "swapped"):
        (tmp_path / name).mkdir()
        labels = y[::-1] if name == "swapped" else y
        np.savez(tmp_path / name / "mnist.npz", x_train=x[:40], y_train=labels[:40], x_test=x[40:], y_test=y[40:])
    out, settings = tmp_path / "run", ["data.name=mnist", f"data.dir={tmp_path / 'old'}"]
    assert train.main(["--quiet", "--out", str(out), "--set", *SMALL, *settings]) == 0
    shutil.rmtree(tmp_path / "old")
    assert plot.main([str(out), "--set", f"data.dir={tmp_path / 'new'}"]) == 0
    assert Run.open(out).config.data.dir == str(tmp_path / "new")
    assert plot.main([str(out), "--set", f"data.dir={tmp_path / 'swapped'}"]) == 2
    assert "trained on: the labels of the examples;" in capsys.readouterr().err


def test_workers_compare_the_values_and_not_only_their_number(tmp_path, monkeypatch):
    seen = []

    def compared(strategy, values):
        seen.append(values)
        raise UserError("seen")

    monkeypatch.setattr(experiment.workers, "require_same", compared)
    for i, rows in enumerate((ROWS, ROWS, ROWS[::-1])):
        path = write(tmp_path / f"{i}.csv", rows)
        settings = [*SMALL, "data.name=csv", f"data.path={path}", "likelihood.name=gaussian"]
        assert train.main(["--out", str(tmp_path / "run"), "--set", *settings]) == 2
    assert seen[0] == seen[1]
    assert seen[0]["configuration"] == seen[2]["configuration"]
    assert seen[0]["data set"] != seen[2]["data set"]


def test_a_source_without_a_place_says_so(tmp_path, capsys):
    run = Run.create(tmp_path / "run", config.Config(), {})
    run.model.touch()
    assert plot.main([str(run.folder), "--set", "data.path=x"]) == 2
    assert "--set data.path=x: only the place of the data can change here; digits is not" in capsys.readouterr().err
