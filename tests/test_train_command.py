"""`python -m tfvae.train`: a run from end to end, and every mistake in one sentence."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
import re
import signal
import subprocess
import sys
import typing

import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tests.tolerance import fan_in, rounding
from tfvae import catalog, config, presets, train
from tfvae.data import load
from tfvae.errors import UserError
from tfvae.latent import resolve
from tfvae.runs import execution, experiment
from tfvae.runs.folder import Run
from tfvae.runs.progress import Reporter

SMALL = ["network.hidden=[8]", "network.latent_dim=2", "training.batch_size=128", "training.jit=off"]
QUICK = [*SMALL, "training.epochs=2"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of two epochs on digits: its folder, and what was printed."""
    folder, printed = tmp_path_factory.mktemp("runs") / "digits", io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert train.main(["--out", str(folder), "--seed", "3", "--sample-every", "1", "--set", *QUICK]) == 0
    return folder, printed.getvalue()


def test_the_folder_holds_everything(finished):
    folder, _ = finished
    files = {"config.yaml", "metrics.jsonl", "model.keras", "encoder.keras", "decoder.keras"}
    files |= {"scaling.json", "report.json", "checkpoints", "plots", "tensorboard", ".lock"}
    assert {path.name for path in folder.iterdir()} == files
    pictures = {path.stem for path in (folder / "plots").iterdir()}
    assert {"samples-epoch-0001", "samples-epoch-0002", "reconstructions", "curves"} <= pictures
    run = Run.open(folder)
    assert run.config == config.override(presets.load("digits"), [*QUICK, "seed=3", "training.sample_every=1"])
    assert run.facts["preset"] == "digits"
    assert run.facts["latent"]["implementation"].startswith(resolve("auto")[0])
    assert [line["epoch"] for line in run.metrics()] == [1, 2]


def test_what_was_asked_for_by_name_runs_and_is_kept(implementation, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(execution.gallery, "draw", lambda *arguments, **options: execution.gallery.Drawn([], ""))
    folder = str(tmp_path / "run")
    settings = [*SMALL, "training.epochs=1", "data.name=blobs", "training.batch_size=64", "likelihood.name=gaussian"]
    assert train.main(["--out", folder, "--latent", implementation, "--set", *settings]) == 0
    assert f"latent op {implementation}, seed 0" in capsys.readouterr().out
    run = Run.open(folder)
    assert run.config.training.latent == implementation
    assert run.facts["latent"]["implementation"] == implementation
    assert run.read_json("report.json")["latent"]["implementation"] == implementation


def test_what_is_printed(finished):
    folder, printed = finished
    for words in (
        "data: digits [8, 8, 1], 1,294 train, 144 validation, 359 test; scaling unit.",
        "Test: 359 of 1797 examples, drawn by seed 3",
        "each epoch drops the 14 examples of its last partial batch.",
        f"1 replica(s), float32, XLA off, latent op {resolve('auto')[0]}",
        "seed 3",
        "epoch 2/2: ELBO ",
        "test ELBO",
        "active units",
        "steps/s",
        f"run folder      {folder}",
    ):
        assert words in printed


def test_the_report_is_that_of_the_saved_model(finished):
    folder, _ = finished
    report = Run.open(folder).read_json("report.json")
    vae, run = tfvae.load(folder), Run.open(folder)
    data = load.load(run.config.data, run.config.seed)
    elbo = vae.elbo(data.test.x, seed=run.config.seed)
    slack = rounding("float32", fan_in(vae.encoder, vae.decoder) + 64 + 359)  # a mean of 359 sums of 64 densities
    assert report["test"]["elbo"] == pytest.approx(float(np.mean(elbo.elbo)), rel=slack)
    assert report["test"]["kl_per_dimension"] == pytest.approx(elbo.kl_per_dimension.mean(axis=0), rel=1e-4)
    assert (report["test_examples"], report["epochs"], report["jit"]) == (359, 2, False)
    assert report["parameters"] == vae.count_params()
    assert report["versions"]["tensorflow"] == tf.__version__
    assert json.loads((folder / "scaling.json").read_text())["kind"] == "unit"


def test_a_run_that_has_ended_is_left_as_it_is(finished, capsys):
    folder, _ = finished
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert train.main(["--out", str(folder), "--resume"]) == 0
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    said = capsys.readouterr().out
    assert said.startswith("this run has already finished; nothing to do.\n  test ELBO")
    assert train.main(["--out", str(folder), "--resume", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def one_sentence(capsys, arguments):
    """Standard error of a command that must fail by its user's fault: one line."""
    assert train.main(arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("tfvae: ")
    assert said.count("\n") == 1
    assert "unexpected error" not in said
    return said


def refuse(capsys, tmp_path, monkeypatch, arguments):
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    said = one_sentence(capsys, arguments)
    assert sorted(tmp_path.rglob("*")) == before
    return said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--preset", "mnist2d"], "preset: got 'mnist2d' (did you mean mnist-2d?), expected one of"),
        (["--preset", "mine.yaml"], "preset: mine.yaml does not exist"),
        (["--set", "training.epoch=3"], "training.epoch: no such setting (did you mean epochs?)"),
        (["--set", "trainig.epochs=3"], "trainig: no such section (did you mean training?)"),
        (["--set", "training.epochs=many"], "training.epochs: got 'many', expected an integer"),
        (["--set", "network.latent_dim=0"], "network.latent_dim: got 0, expected at least 1"),
        (["--set", "network.activation=relux"], "activation"),
        (["--set", "prior.covariance=[[1,2],[2,1]]"], "expected a positive definite matrix"),
        (["--set", "prior.covariance=[[1,0,0],[0,1,0],[0,0,1]]"], "got shape (3, 3), expected 2 x 2"),
        (["--set", "training.batch_size=5000"], "training.batch_size: got 5000, expected at most the 1294 training"),
        (["--set", "training.optimizer=adm"], "training.optimizer: got 'adm' (did you mean adam?)"),
        (["--set", "data.name=csv"], "data.path"),
        (["--set", "data.name=csv", "data.path=rows.csv"], "rows.csv"),
        (
            ["--preset", "mnist-2d", "--set", "data.dir=nowhere"],
            "nowhere does not exist; expected a folder with mnist.npz",
        ),
        (
            ["--set", "network.name=resnet", "network.variant=huge"],
            "network.variant: got 'huge', expected one of micro",
        ),
        (["--latent", "fused", "--seed", "-1"], "seed: got -1, expected at least 0"),
        (["--replicas", "2"], "--replicas 2: needs --strategy mirrored"),
        (["--resume"], "--resume: needs --out DIR"),
        (["--resume", "--out", "nowhere"], "has no run to resume"),
        (["--resume", "--out", "nowhere", "--set", "training.epochs=9"], "add --preset to start one"),
        (["--resume", "--out", "x", "--preset", "digits", "--set", "training.epoch=3"], "training.epoch: no such"),
        (["--profile", "-3"], "--profile: got -3, expected a number of steps"),
        (["--allow-changed"], "--allow-changed: needs --resume"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(arguments, said, capsys, tmp_path, monkeypatch):
    assert said in refuse(capsys, tmp_path, monkeypatch, arguments)


def test_files_that_cannot_be_used(capsys, tmp_path, monkeypatch):
    rows = "a,b\n" + "".join(f"{i},{-i * i}\n" for i in range(40))
    (tmp_path / "rows.csv").write_text(rows)
    (tmp_path / "cut.npz").write_bytes(b"PK\3\4 cut short")
    (tmp_path / "list.yaml").write_text("[1]")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\0")

    def said(*arguments):
        return refuse(capsys, tmp_path, monkeypatch, list(arguments))

    z_score = said("--set", "data.name=csv", "data.path=rows.csv", "training.batch_size=8")
    assert (
        "Bernoulli needs [0, 1]: use a Gaussian (likelihood.name=gaussian), or scale it (data.scaling=min-max;"
        in z_score
    )
    assert "cut.npz: cannot be read" in said("--set", "data.name=npz", "data.path=cut.npz")
    assert "list.yaml: got [1], expected a table of sections" in said("--preset", "list.yaml")
    assert "bytes.yaml is not text" in said("--preset", "bytes.yaml")


def test_a_folder_that_exists(finished, capsys, tmp_path):
    folder, _ = finished
    before = sorted(folder.rglob("*"))
    assert "the folder is not empty; name a new one" in one_sentence(capsys, ["--out", str(folder), "--set", *QUICK])
    assert sorted(folder.rglob("*")) == before
    (tmp_path / "file").write_text("")
    assert "this is a file" in one_sentence(capsys, ["--out", str(tmp_path / "file"), "--set", *QUICK])


def test_debug_lets_the_error_through():
    with pytest.raises(UserError):
        train.main(["--debug", "--preset", "nowhere"])


@pytest.mark.parametrize("arguments", [["--seed", "x"], ["--strategy", "none"], ["--sed", "1"], ["--set"]])
def test_what_argparse_refuses_is_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        train.main(arguments)
    assert end.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_an_error_of_ours_is_called_so(monkeypatch, capsys):
    def broken(*arguments, **options):
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(experiment, "train", broken)
    assert train.main([]) == 2
    expected = "tfvae: unexpected error: RuntimeError: two lines (--debug shows the traceback)\n"
    assert capsys.readouterr().err == expected


def test_ctrl_c_before_the_first_step(monkeypatch, capsys, tmp_path):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(execution.load, "load", interrupted)
    assert train.main(["--out", str(tmp_path / "run")]) == 130
    assert capsys.readouterr().err == "tfvae: interrupted.\n"
    assert not (tmp_path / "run").exists()


def test_the_default_folder_is_named_after_the_preset(monkeypatch):
    seen = []
    monkeypatch.setattr(experiment, "train", lambda settings, folder, **options: seen.append((folder, options)))
    assert train.main([]) == 0
    assert seen[0][0].startswith("runs/digits-20")
    begun = {"numbered": True, "preset": "digits", "init_from": None, "allow_code": []}
    assert seen[0][1] == {**begun, "quiet": False, "profile": 0}


def test_a_file_of_ones_own_as_preset(monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr(experiment, "train", lambda settings, folder, **options: seen.append((settings, folder)))
    (tmp_path / "mine.yml").write_text("training: {epochs: 7}")
    assert train.main(["--preset", str(tmp_path / "mine.yml"), "--seed", "5", "--set", "seed=6"]) == 0
    assert seen[0][1].startswith("runs/mine-20")
    assert (seen[0][0].training.epochs, seen[0][0].seed) == (7, 6)


def test_stopped_and_locked_and_out_of_space(monkeypatch, capsys, tmp_path):
    """One run meets them all, is refused each time, and keeps its checkpoint."""
    out = ["--out", str(tmp_path / "run")]
    with monkeypatch.context() as patched:
        progress = Reporter.progress
        patched.setattr(
            Reporter, "progress", lambda self, done: (progress(self, done), signal.raise_signal(signal.SIGINT))
        )
        assert train.main([*out, "--set", *QUICK, "training.steps_per_call=4"]) == 130
    run = Run.open(tmp_path / "run")
    assert (
        f"stopping: checkpoint {run.checkpoints / 'last-4'} is written; --resume continues" in capsys.readouterr().out
    )
    with run.lock():
        assert "another process is training there" in one_sentence(capsys, [*out, "--resume"])

    def dev_full(self, line):
        with open("/dev/full", "w") as file:
            file.write("x")

    with monkeypatch.context() as patched:
        patched.setattr(Run, "append_metrics", dev_full)
        assert "no space left on the device" in one_sentence(capsys, [*out, "--resume"])

    def full(*arguments, **options):
        raise tf.errors.ResourceExhaustedError(None, None, "last-20; No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(tf.train.Checkpoint, "write", full)
        said = one_sentence(capsys, [*out, "--resume"])
    # A slow machine comes to an earlier checkpoint than that of step 20.
    assert re.search(rf"{re.escape(str(run.checkpoints))}: the checkpoint of step \d+ cannot be written", said)
    assert [path.stem for path in run.checkpoints.glob("*.index")] == ["last-4"]
    [data] = run.checkpoints.glob("last-4.data*")
    data.write_bytes(data.read_bytes()[:100])
    assert "this checkpoint and all earlier ones are broken" in one_sentence(capsys, [*out, "--resume"])


def start(*arguments, **options):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return subprocess.Popen([sys.executable, "-m", "tfvae.train", *arguments], env=environment, **pipes, **options)


@pytest.mark.slow
def test_help_needs_no_tensorflow_and_shows_every_setting():
    code = (
        "import sys; from tfvae import train\ntry: train.main(['--help'])\n"
        "except SystemExit as end: status = end.code\n"
        "sys.exit(status or 'tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    hints = typing.get_type_hints(config.Config)
    sections = [section for section, kind in hints.items() if dataclasses.is_dataclass(kind)]
    kinds = {
        section: [catalog.settings(section, name) for name in catalog.names(section)]
        if section in catalog.KINDS
        else [hints[section]]
        for section in sections
    }
    names = {f"{section}.{name}" for section in sections for kind in kinds[section] for name in config.names(kind)}
    assert len(names) > 60
    for name in [*names, "--seed", "--preset", "--out", "exit status"]:
        assert name in result.stdout


@pytest.mark.slow
def test_a_mistake_from_a_shell(tmp_path):
    process = start("--preset", "digit", cwd=tmp_path)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (2, "")
    assert err.startswith("tfvae: preset: got 'digit' (did you mean digits?)")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_two_replicas_from_a_shell_in_silence(tmp_path):
    arguments = ["--strategy", "mirrored", "--replicas", "2", "--quiet", "--set", *QUICK, "training.precision=float64"]
    process = start("--out", "run", *arguments, cwd=tmp_path)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in err
    assert Run.open(tmp_path / "run").read_json("report.json")["epochs"] == 2
