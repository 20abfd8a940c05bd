"""The benchmark of decoders: that it runs, times the same work, and judges what it found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from benchmarks import decoder
from benchmarks.decoders import targets
from benchmarks.decoders.contenders import contenders
from benchmarks.decoders.report import markdown
from benchmarks.decoders.subject import of_run
from tests.tolerance import fan_in, rounding
from tfvae import VAE, config, networks
from tfvae.config.network import Mlp
from tfvae.export import saved_model, tflite
from tfvae.runs import keras_files
from tfvae.runs.folder import Run

FORMS = {"Keras call", "tf.function", "tf.function, XLA", "SavedModel"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, of which version 10 has a SavedModel and a float32 file for a batch of one, and version 9 nothing."""
    folder = tmp_path_factory.mktemp("decoder") / "run"
    keras.utils.set_random_seed(0)
    vae = VAE(*networks.build(Mlp(hidden=(8,), latent_dim=2), (8, 8, 1)))
    made = Run.create(folder, config.Config(), {})
    keras_files.save(vae, made)
    (folder / "export" / "9").mkdir(parents=True)
    (folder / "export" / "10").mkdir()
    saved_model.write(vae, folder / "export" / "10" / "saved_model")
    (folder / "export" / "10" / "decoder.tflite").write_bytes(tflite.decoder(vae, [1]))
    return folder


def test_all_contenders_decode_to_the_same(run: Path) -> None:
    subject = of_run(run)
    z = np.array([[0.5, -1.0]], np.float32)
    entered = contenders(subject, z)
    assert {each.form for each in entered} == {*FORMS, "float32"}
    slack = rounding("float32", fan_in(subject.vae.decoder))
    for each in entered:
        np.testing.assert_allclose(each.decode(), subject.vae.decode(z), rtol=0, atol=slack)
    # The file is for a batch of one.
    assert {each.form for each in contenders(subject, np.repeat(z, 32, axis=0))} == FORMS


def test_of_a_run_it_times_the_newest_version(run: Path) -> None:
    results = decoder.measure([], [run], rounds=2)
    (timed,) = results["decoders"]
    assert timed["name"] == "run, version 10"
    rows = {(row["name"], row["batch"]): row for row in timed["rows"]}
    assert len(rows) == 6 + 4
    assert rows["float32, 2 threads", 1]["bytes"] == (run / "export" / "10" / "decoder.tflite").stat().st_size
    for row in rows.values():
        assert row["microseconds"]["low"] <= row["microseconds"]["median"] <= row["microseconds"]["high"]
        assert row["calls"] >= 2
    assert rows["tf.function", 32]["times_as_fast_as_tf_function"]["median"] == 1.0
    assert rows["tf.function", 32]["times_as_fast_as_float32"] is None
    assert "## `run, version 10`" in markdown(results)
    json.dumps(results)


def test_a_run_without_versions_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = Run.create(tmp_path / "run", config.Config(), {})
    keras_files.save(VAE(*networks.build(Mlp(hidden=(8,), latent_dim=2), (8, 8, 1))), made)
    assert decoder.main(["--run", str(made.folder), "--out", str(tmp_path / "out")]) == 2
    assert "nothing in it was exported yet" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def row(name: str, microseconds: float, size: int, threads: int | None = 1) -> dict[str, Any]:
    def factor(over: float) -> dict[str, float]:
        return {"median": over / microseconds, "low": over / microseconds, "high": over / microseconds}

    return {
        "name": name,
        "batch": 1,
        "bytes": size,
        "threads": threads,
        "microseconds": {"median": microseconds},
        "times_as_fast_as_tf_function": factor(600),
        "times_as_fast_as_float32": factor(300),
    }


def test_judged_by_size_and_speed() -> None:
    tf_function = row("tf.function", 600, 0, None)
    rows = [tf_function, row("float32, 1 thread", 300, 1000), row("dynamic, 1 thread", 250, 361)]
    size, speed, best = targets.judge([{"name": "a", "rows": rows}])
    assert (size["came"], size["verdict"]) == ("0.361", "missed")
    assert (speed["came"], speed["verdict"]) == ("1.20x [1.20, 1.20]", "aim missed")
    assert (best["came"], best["verdict"]) == ("2.40x [2.40, 2.40]", "aim missed")
    rows[-1] = row("dynamic, 1 thread", 120, 360)
    assert [each["verdict"] for each in targets.judge([{"name": "a", "rows": rows}])] == [
        "reached",
        "aim reached",
        "aim reached",
    ]
    assert targets.judge([{"name": "a", "rows": [tf_function]}]) == []


@pytest.mark.slow
def test_a_preset_in_all_kinds(tmp_path: Path) -> None:
    assert decoder.main(["--presets", "mnist-2d", "--rounds", "1", "--out", str(tmp_path)]) == 0
    results = json.loads((tmp_path / "decoder.json").read_text())
    assert len(results["decoders"][0]["rows"]) == 2 * (4 + 4 * 2)
    assert results["targets"][0]["verdict"] == "reached"  # the size; the others are of this machine
    assert "mnist-2d" in (tmp_path / "decoder.md").read_text()
