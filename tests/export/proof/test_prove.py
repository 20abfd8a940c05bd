"""Files in other processes: correct files pass, and each kind of wrong file is detected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tfvae.data import scaling
from tfvae.errors import UserError
from tfvae.export import gates, saved_model, tflite
from tfvae.export.proof import Evidence, prove
from tfvae.likelihoods import Gaussian
from tfvae.models.signatures import DECODER

pytestmark = pytest.mark.slow

BATCHES = {"float32": (1, 32), "generator": (4,), "scorer": (4,)}


@pytest.fixture(scope="module")
def evidence(judged: Callable[..., Evidence]) -> Evidence:
    unit = scaling.fit("unit", np.array([[0], [255]], np.uint8))
    return judged(Gaussian(scale=0.3, scale_mode="per_pixel"), unit)


@pytest.fixture(scope="module")
def version(evidence: Evidence, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("version")
    saved_model.write(evidence.vae, folder / "saved_model")
    for kind, make in {"float32": tflite.decoder, "generator": tflite.generator, "scorer": tflite.scorer}.items():
        (folder / tflite.FILES[kind]).write_bytes(make(evidence.vae, BATCHES[kind]))
    return folder


def changed(version: Path, evidence: Evidence, factor: float, folder: Path) -> Path:
    """A copy of the decoder whose largest weights are multiplied by a factor."""
    data = (version / "decoder.tflite").read_bytes()
    kernels = sorted(evidence.vae.decoder.get_weights(), key=np.size)
    # The converter transposes a dense kernel.
    stored = np.ascontiguousarray(kernels[-1].T)
    assert data.count(stored.tobytes()) == 1
    path = folder / "decoder.tflite"
    path.write_bytes(data.replace(stored.tobytes(), (stored * np.float32(factor)).tobytes()))
    return path


def test_honest_files_pass(version: Path, evidence: Evidence) -> None:
    files = {"saved_model": "saved_model", **{tflite.FILES[kind]: kind for kind in BATCHES}}
    rows = prove(version, files, evidence)
    assert gates.failures(rows, gates.of_model(evidence.vae.signatures())) == []
    assert {row.file: row.kind for row in rows} == files
    served, decoder, generator, scorer = rows
    assert set(served.figures) == {"max", "mean", "elbo", "encode", "reconstruct", "score", "sample_z", "sample_x"}
    assert set(decoder.figures) == {"max", "mean", "elbo"}
    assert set(generator.figures) == {"sample_z", "sample_x"}
    assert set(scorer.figures) == {"encode", "score"}
    assert decoder.bytes == (version / "decoder.tflite").stat().st_size
    assert served.bytes > (version / "saved_model" / "saved_model.pb").stat().st_size
    assert served.latency_us == {}
    for row in (decoder, generator, scorer):
        assert set(row.latency_us) == {"1", "2"}
        assert all(0 < spread["p50"] <= spread["p95"] for spread in row.latency_us.values())
    # XNNPACK does not support 32-bit integers, which the generator's noise uses.
    assert 0 <= generator.delegated < decoder.delegated <= 1
    # Its first signature is encode, and score is timed.
    assert scorer.delegated is None


@pytest.mark.parametrize("factor", [1.01, np.nan])
def test_weights_that_changed_fail(factor: float, version: Path, evidence: Evidence, tmp_path: Path) -> None:
    changed(version, evidence, factor, tmp_path)
    missed = gates.failures(
        prove(tmp_path, {"decoder.tflite": "float32"}, evidence), gates.of_model(evidence.vae.signatures())
    )
    assert [line.partition(", gate")[0].split()[:2] for line in missed] == [
        ["decoder.tflite:", "max"],
        ["decoder.tflite:", "relative"],
    ]
    assert all(("nan" in line) == bool(np.isnan(factor)) for line in missed)


def test_a_cut_file_is_told_by_name(version: Path, evidence: Evidence, tmp_path: Path) -> None:
    (tmp_path / "decoder.tflite").write_bytes((version / "decoder.tflite").read_bytes()[:200])
    with pytest.raises(UserError, match=r"decoder\.tflite: fails in a process without tfvae: decoder\.tflite: .*"):
        prove(tmp_path, {"decoder.tflite": "float32"}, evidence)


def test_integers_at_the_ends_of_a_file_are_read_as_numbers(evidence: Evidence, tmp_path: Path) -> None:
    def whole_numbers(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: (("decode", {"z": evidence.z[i : i + 4]}) for i in range(0, 76, 4))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8

    endpoints = tflite.endpoints(evidence.vae, DECODER, (4,))
    (tmp_path / "decoder_int8.tflite").write_bytes(tflite.convert(evidence.vae, endpoints, whole_numbers))
    (row,) = prove(tmp_path, {"decoder_int8.tflite": "int8"}, evidence)
    assert 1e-4 < row.figures["mean"] < row.figures["max"] < 0.2
    missed = gates.failures([row], gates.changed(gates.of_model(evidence.vae.signatures()), {"int8.max": 1e-3}))
    assert any(line.startswith("decoder_int8.tflite: max error") and "--gate int8.max=" in line for line in missed)


def test_a_saved_model_that_only_python_can_load_fails(evidence: Evidence, tmp_path: Path) -> None:
    module = tf.Module()
    module.model = evidence.vae.decoder
    decode = tf.function(lambda z: {"mean": module.model(z)["mean"]})
    signature = decode.get_concrete_function(tf.TensorSpec([None, 3], tf.float32, name="z"))
    tf.saved_model.save(module, str(tmp_path / "saved_model"), signatures={"decode": signature})
    with pytest.raises(UserError, match=r"saved_model: fails in a process without tfvae: .*variable"):
        prove(tmp_path, {"saved_model": "saved_model"}, evidence)
