"""Whole exports: every kind of network, grey and colour, Bernoulli and Gaussian, standard and correlated prior.

The export has already compared each file with its gates; these tests check what no gate covers.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.schema_py_generated import TensorType

import tfvae
from tests.tolerance import NOISE, fan_in, rounding
from tfvae.export import Options, export, flatbuffer, metadata, tflite

CORRELATED = "prior={mean: [0.3, -0.2], covariance: [[1.2, 0.5], [0.5, 0.8]], trainable: true}"
GAUSSIAN = "likelihood={name: gaussian, scale: 0.2, scale_mode: shared}"
PER_PIXEL = "likelihood={name: gaussian, scale: 0.2, scale_mode: per_pixel}"
MLP, CONV = "network.hidden=[64, 32]", "network={name: conv, filters: [8, 16], latent_dim: 2}"
MICRO = "network={name: resnet, variant: micro, latent_dim: 2}"


INT8 = TensorType.INT8


class Case(NamedTuple):
    """A run and the options of its export; each kind of file is in some case."""

    colours: str
    settings: tuple[str, ...]
    options: dict[str, Any]


CASES = {
    "conv-grey-gaussian-correlated-bfloat16": Case(
        "grey", (CONV, GAUSSIAN, CORRELATED, "training.precision=mixed_bfloat16"), dict(scorer=True, generator=True)
    ),
    "resnet-colour-bernoulli-correlated": Case("colour", (MICRO, CORRELATED), dict(formats=["tflite"], batch=[2, 1])),
    "conv-colour-gaussian-standard": Case("colour", (CONV, PER_PIXEL), dict(formats=["tflite"])),
    # It is barely trained: its means range from -0.8 to 1.8, and rounding the weights costs 0.002 of the data's range.
    "mlp-table-gaussian-standard": Case(
        "table", (MLP, GAUSSIAN, "data.scaling=z-score"), dict(formats=["tflite"], generator=True, scorer=True)
    ),
}


class Exported(NamedTuple):
    """The result of a case."""

    run: Path
    folder: Path
    options: Options
    facts: dict[str, Any]


@pytest.fixture(scope="module", params=CASES)
def exported(request: Any, trained: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Exported:
    colours, settings, chosen = CASES[request.param]
    run = trained(request.param, colours, *settings)
    options = Options(**chosen, out=tmp_path_factory.mktemp("out"))
    folder = export(run, options, say=lambda line: None)
    return Exported(run, folder, options, json.loads((folder / "decoder.json").read_text()))


@pytest.mark.slow
def test_everything_asked_for_is_there_and_described(exported: Exported) -> None:
    wanted = {tflite.FILES[kind] for kind in exported.options.kinds}
    wanted |= {"saved_model"} if "saved_model" in exported.options.formats else set()
    assert set(exported.facts["files"]) == wanted
    for name, entry in exported.facts["files"].items():
        assert (exported.folder / name).exists()
        if name != "saved_model":
            data = (exported.folder / name).read_bytes()
            inside = metadata.read(data)
            assert inside["file"]["signatures"] == entry["signatures"] == metadata.signatures(data)
            assert inside["prior"] == exported.facts["prior"]
            assert "files" not in inside
            assert entry["bytes"] == len(data)
            # int8 files must have fixed ranges, and dynamic ones 8-bit weights.
            assert ("QUANTIZE" in flatbuffer.operations(data)) == (entry["kind"] == "int8")
            has_bytes = any(
                tensor.type == INT8 for graph in flatbuffer.read(data).subgraphs for tensor in graph.tensors
            )
            assert has_bytes == (entry["kind"] in ("dynamic", "int8"))
    assert {"report.json", "README.md"} <= {path.name for path in exported.folder.iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("exported", [name for name in CASES if CASES[name].options.get("generator")], indirect=True)
def test_the_same_seed_gives_the_same_sample_as_python(exported: Exported) -> None:
    seed = (5 << 32) + 2**32 - 3  # its low word is negative as int32
    count = exported.options.batch[0]
    vae = tfvae.load(exported.run)
    wanted = vae.sample(count, seed=seed, details=True)
    words = np.array([seed], np.int64).view(np.int32)
    got = Interpreter(str(exported.folder / "generator.tflite")).get_signature_runner("sample")(seed=words)
    np.testing.assert_allclose(got["z"], wanted.z, atol=NOISE)
    if wanted.x.dtype == np.uint8:
        assert got["x"].dtype == np.uint8
        np.testing.assert_allclose(got["x"].astype(int), wanted.x, atol=1)
    else:
        # Each column in the units of its measurement.
        slack = rounding("float32", fan_in(vae.decoder), np.abs(wanted.x).max(axis=0))
        assert np.all(np.abs(got["x"] - wanted.x) <= slack)


@pytest.mark.slow
def test_a_second_export_is_the_next_version_with_the_same_bytes(trained: Callable[..., Path], tmp_path: Path) -> None:
    run = trained("conv-colour-gaussian-standard", *[CASES["conv-colour-gaussian-standard"].colours], CONV, PER_PIXEL)
    options = Options(formats=["tflite"], quantize=["float16", "dynamic", "int8"], out=tmp_path)
    first, second = (export(run, options, say=lambda line: None) for _ in range(2))
    assert (first.name, second.name) == ("1", "2")
    for kind in options.kinds:
        name = tflite.FILES[kind]
        assert (first / name).read_bytes() == (second / name).read_bytes()
