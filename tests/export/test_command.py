"""`python -m tfvae.export`: valid arguments, and every error."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf

import tfvae
from tfvae.export import options, saved_model
from tfvae.export.__main__ import main
from tfvae.export.options import Options
from tfvae.runs import keras_files
from tfvae.runs.folder import Run


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.name != ".lock"}


def refused(capsys: pytest.CaptureFixture[str], *arguments: Any) -> str:
    """The error message for these arguments; the status is 2."""
    assert main([str(argument) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("tfvae: ")
    assert len(error.splitlines()) == 1
    return error


def test_help_needs_no_tensorflow_and_names_every_gate() -> None:
    script = "import sys, tfvae.export.__main__ as m\ntry: m.main(['--help'])\nexcept SystemExit: pass\n"
    script += "assert 'tensorflow' not in sys.modules"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    for word in ("--formats", "--quantize", "--batch", "--out", "--generator", "--scorer", "--gate", "int8.max"):
        assert word in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--formats", "onnx"], "--formats: got 'onnx', expected some of saved_model, tflite"),
        (["--formats", "tflight"], "did you mean tflite?"),
        (["--formats", ","], "--formats: got nothing"),
        (["--quantize", "int4"], "--quantize: got 'int4' (did you mean int8?)"),
        (["--batch", "0"], "--batch 0: expected one or more different sizes"),
        (["--batch", "4", "4"], "--batch 4 4: expected one or more different sizes"),
        (["--formats", "saved_model", "--scorer"], "add tflite to --formats"),
        (["--gate", "int9.max=1"], "int8"),
        (["--gate", "int8.max=much"], "int8.max"),
    ],
)
def test_arguments_that_cannot_be(capsys: Any, mlp_run: Path, arguments: list[str], said: str) -> None:
    before = files(mlp_run)
    assert said in refused(capsys, mlp_run, *arguments)
    assert files(mlp_run) == before


def test_folders_that_are_no_run(capsys: Any, tmp_path: Path, mlp_run: Path) -> None:
    assert "not a run folder" in refused(capsys, tmp_path / "nowhere")
    assert "not a run folder" in refused(capsys, tmp_path)
    unfinished = tmp_path / "unfinished"
    shutil.copytree(mlp_run, unfinished, ignore=shutil.ignore_patterns("report.json", "export"))
    assert "the run has not finished; continue it: python -m tfvae.train --out" in refused(capsys, unfinished)
    (tmp_path / "file").touch()
    assert "this is a file; expected a folder" in refused(capsys, mlp_run, "--out", tmp_path / "file")
    assert not (unfinished / "export").exists()


def test_data_that_are_gone(capsys: Any, tmp_path: Path, mlp_run: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(mlp_run, moved, ignore=shutil.ignore_patterns("export"))
    text = (moved / "config.yaml").read_text()
    (moved / "config.yaml").write_text(text.replace("grey.npz", "gone.npz"))
    assert "gone.npz" in refused(capsys, moved)
    assert not (moved / "export").exists()


def test_a_package_that_is_not_there(capsys: Any, mlp_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr(options.importlib.util, "find_spec", lambda name: None if "litert" in name else there(name))
    said = refused(capsys, mlp_run)
    assert 'pip install "tfvae[edge]"' in said
    assert "ai-edge-litert" in said
    Options(formats=["saved_model"])  # needs none of them


def test_a_network_that_tflite_cannot_take(capsys: Any, tmp_path: Path, mlp_run: Path) -> None:
    vae, folder = tfvae.load(mlp_run), tmp_path / "strange"
    shutil.copytree(mlp_run, folder, ignore=shutil.ignore_patterns("export"))
    z = keras.Input((2,))
    strange = keras.ops.erfinv(keras.layers.Dense(64, activation="tanh")(z))
    decoder = keras.Model(z, keras.layers.Reshape((8, 8, 1))(strange))
    model = tfvae.VAE(vae.encoder, decoder, vae.prior, scaling=vae.scaling)
    keras_files.save(model, Run.open(folder))
    said = refused(capsys, folder, "--formats", "tflite")
    assert "layer 'erfinv'" in said
    assert "tf.Erfinv" in said
    assert not (folder / "export").exists()


def test_no_room(capsys: Any, mlp_run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: Any) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, "saved_model.pb; No space left on device")

    monkeypatch.setattr(saved_model, "write", full)
    assert "no space left on the device" in refused(
        capsys, mlp_run, "--formats", "saved_model", "--out", tmp_path / "o"
    )
    assert not list(tmp_path.iterdir())


def test_a_gate_that_is_missed_leaves_nothing_and_says_the_figures(capsys: Any, mlp_run: Path, tmp_path: Path) -> None:
    arguments = ["--formats", "tflite", "--quantize", "none,dynamic", "--gate", "dynamic.mean=1e-9"]
    said = refused(capsys, mlp_run, *arguments, "--out", tmp_path / "out")
    assert "decoder_dynamic.tflite" in said
    assert "dynamic.mean" in said
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_whole_command(capsys: Any, mlp_run: Path, tmp_path: Path) -> None:
    assert main([str(mlp_run), "--quantize", "int8", "--batch", "1", "4", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "decoder_int8.tflite" in printed
    assert f"exported to {tmp_path / '1'}" in printed
    folder = tmp_path / "1"
    described = json.loads((folder / "decoder.json").read_text())
    assert described["version"] == 1
    assert set(described["files"]) == {"saved_model", "decoder_int8.tflite"}
    assert set(described["files"]["decoder_int8.tflite"]["signatures"]) == {"decode", "decode_4"}
    assert (folder / "README.md").read_text().count("mlp") > 0
    assert json.loads((folder / "report.json").read_text())
