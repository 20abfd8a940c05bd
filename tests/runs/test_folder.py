"""`tfvae.runs.folder`: the folder is created, opened and locked, and files are written atomically."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml

from tfvae.config import Config, override
from tfvae.errors import UserError
from tfvae.files import write
from tfvae.runs.folder import Run, absolute

CONFIG = override(Config(), ["training.epochs=3", "prior.covariance=[[1,0.5],[0.5,1]]"])
FACTS = {"preset": "digits", "noise_version": 1, "versions": {"tfvae": "0"}, "latent": {"implementation": "plain"}}


@pytest.fixture
def run(tmp_path):
    return Run.create(tmp_path / "runs" / "one", CONFIG, FACTS)


def test_it_is_opened_as_it_was_created(run):
    again = Run.open(str(run.folder))
    assert again == run
    assert (again.config, again.facts) == (CONFIG, FACTS)
    assert all(path.is_dir() for path in (run.checkpoints, run.plots, run.tensorboard))
    assert yaml.safe_load((run.folder / "config.yaml").read_text())["noise_version"] == 1
    assert not run.model.exists()


def test_an_empty_folder_is_taken(tmp_path):
    assert Run.create(tmp_path, CONFIG, {}).config == CONFIG


def test_a_folder_that_holds_something_is_left_alone(run, tmp_path):
    before = sorted(path.name for path in run.folder.iterdir())
    with pytest.raises(UserError, match=r"the folder is not empty; name a new one \(or add --resume to continue it\)"):
        Run.create(run.folder, Config(), {})
    assert Run.open(run.folder).config == CONFIG
    assert sorted(path.name for path in run.folder.iterdir()) == before
    with pytest.raises(UserError, match=r"nothing was changed"):
        Run.create(tmp_path, CONFIG, {})
    with pytest.raises(UserError, match="this is a file"):
        Run.create(run.folder / "config.yaml", CONFIG, {})


def test_what_is_no_run_is_said(run, tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UserError, match=r"not a run folder \(it has no config\.yaml\)"):
            Run.open(folder)
    (run.folder / "config.yaml").write_text("training: {epochz: 3}")
    with pytest.raises(UserError, match=r"config\.yaml: training\.epochz: no such setting"):
        Run.open(run.folder)


def test_metrics_are_a_line_an_epoch(run):
    assert run.metrics() == []
    lines = [{"epoch": i, "train": {"loss": 1 / 3, "kl_per_dimension": [1e-300, 0.1]}} for i in (1, 2, 3)]
    for line in lines:
        run.append_metrics(line)
    assert run.metrics() == lines
    assert [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()] == lines
    run.write_metrics(lines[:1])
    assert run.metrics() == lines[:1]


def test_a_line_cut_short_is_left_out(run):
    run.append_metrics({"epoch": 1})
    with open(run.folder / "metrics.jsonl", "a") as file:
        file.write('{"epoch": 2, "trai')
    assert run.metrics() == [{"epoch": 1}]


def test_json_files(run):
    with pytest.raises(UserError, match=r"report\.json: not found; the run has not finished\. .*--resume"):
        run.read_json("report.json")
    run.write_json("report.json", {"elbo": -1 / 3})
    assert run.read_json("report.json") == {"elbo": -1 / 3}


def test_a_second_process_is_refused_and_a_third_is_not(run):
    with (
        run.lock(),
        pytest.raises(UserError, match="another process is training there; wait for it or end it"),
        Run.open(run.folder).lock(),
    ):
        pytest.fail("locked twice")
    with run.lock():
        assert True


def test_a_lock_does_not_outlive_a_process_that_was_killed(run):
    code = "import sys, time; from tfvae.runs.folder import Run\n"
    code += "with Run.open(sys.argv[1]).lock(): print(1, flush=True); time.sleep(99)"
    process = subprocess.Popen([sys.executable, "-c", code, str(run.folder)], stdout=subprocess.PIPE)
    assert process.stdout.read(1) == b"1"
    with pytest.raises(UserError, match="another process is training there"), run.lock():
        pytest.fail("locked twice")
    process.kill()
    process.communicate()
    with run.lock():
        assert (run.folder / ".lock").exists()


def test_a_creation_that_was_cut_off_is_begun_anew(tmp_path):
    for part in ("checkpoints", "plots", "tensorboard"):
        (tmp_path / part).mkdir()
    (tmp_path / ".tfvae-config-abc.yaml").write_text("half")
    assert Run.create(tmp_path, CONFIG, FACTS) == Run.open(tmp_path)


def test_what_looks_like_one_but_holds_something_is_left_alone(tmp_path):
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "mine.png").write_text("")
    with pytest.raises(UserError, match="the folder is not empty"):
        Run.create(tmp_path, CONFIG, FACTS)


def test_whoever_holds_the_lock_finds_no_half_written_files(run):
    for part in (run.folder, run.plots):
        (part / ".tfvae-model-abc.keras").write_text("half")
    with run.lock():
        assert not list(run.folder.rglob(".tfvae-*"))


def test_a_change_is_whole_and_keeps_the_facts(run):
    run.model.write_text("")
    run.write_json("report.json", {})
    assert run.ended
    changed = run.change(override(CONFIG, ["training.epochs=9"]))
    assert changed == Run.open(run.folder)
    assert (changed.config.training.epochs, changed.facts) == (9, FACTS)
    assert not changed.ended


def test_places_are_kept_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/someone")
    for given, kept in (("rows.csv", str(tmp_path / "rows.csv")), ("~/a", "/home/someone/a"), ("gs://b/c", "gs://b/c")):
        assert absolute(override(CONFIG, ["data.name=csv", f"data.path={given}"])).data.path == kept


def test_a_writer_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("before")

    def half(place):
        place.write_text("aft")
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        write(path, half)
    assert path.read_text() == "before"
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]


def test_a_writer_sees_the_same_ending_and_others_may_read(tmp_path):
    seen = []
    write(tmp_path / "model.keras", lambda place: seen.append(place) or place.write_text("x"))
    assert seen[0].suffix == ".keras"
    assert seen[0] != tmp_path / "model.keras"
    assert (tmp_path / "model.keras").stat().st_mode & 0o777 == 0o644


def test_a_second_start_with_the_same_name_takes_the_next(tmp_path):
    made = [Run.create(tmp_path / "runs" / "digits-now", Config(), {}, numbered=True).folder for _ in range(3)]
    assert [folder.name for folder in made] == ["digits-now", "digits-now-2", "digits-now-3"]
    assert all(Run.open(folder).config == Config() for folder in made)
