"""Quantized decoders: accurate, small, and deterministic."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest

from tfvae import VAE, networks
from tfvae.config.network import Conv, Mlp, Resnet
from tfvae.errors import UserError
from tfvae.export import flatbuffer, latents, quantization, tflite

litert = pytest.importorskip("ai_edge_litert.interpreter")

SHAPE = (12, 12, 1)
NETWORKS = {
    "mlp": Mlp(hidden=(96, 128, 256), latent_dim=4),
    "conv": Conv(filters=(8, 16, 32), latent_dim=4),
    "resnet": Resnet(variant="micro", latent_dim=4),
}
MOST = {"float16": 4e-3, "dynamic": 0.1, "int8": 0.2}


class Decoder(NamedTuple):
    """A decoder with the file and the latents that it is quantized from."""

    vae: VAE
    float32: bytes
    calibration: latents.Calibration

    def quantized(self, kind: str) -> bytes:
        return quantization.quantize(kind, self.float32, self.calibration, 1.0).data


def build(network: str) -> Decoder:
    """With logits as large as after training."""
    keras.utils.set_random_seed(0)
    vae = VAE(*networks.build(NETWORKS[network], SHAPE))
    last = next(layer for layer in reversed(vae.decoder.layers) if layer.weights)
    kernel, bias = last.get_weights()
    last.set_weights([3 / np.std(vae.decoder(latents.prior(vae, 100, seed=0))) * kernel, bias])
    x = np.random.default_rng(0).random((50, *SHAPE)).astype(np.float32)
    return Decoder(vae, tflite.decoder(vae, [1, 3]), latents.calibration(vae, x, seed=1))


@pytest.fixture(scope="module")
def decoders() -> dict[str, Decoder]:
    return {name: build(name) for name in NETWORKS}


@pytest.fixture(scope="module")
def files(decoders: dict[str, Decoder]) -> dict[tuple[str, str], bytes]:
    return {(name, kind): decoder.quantized(kind) for name, decoder in decoders.items() for kind in MOST}


def tensors(data: bytes) -> list[Any]:
    return [tensor for graph in flatbuffer.read(data).subgraphs for tensor in graph.tensors]


@pytest.mark.parametrize("kind", MOST)
@pytest.mark.parametrize("network", NETWORKS)
def test_close_to_float32_in_every_signature(network: str, kind: str, decoders: Any, files: Any) -> None:
    decoder, data = decoders[network], files[network, kind]
    z = latents.prior(decoder.vae, 300, seed=9)
    wanted = decoder.vae.decode(z).numpy()
    assert np.mean((wanted < 0.1) | (wanted > 0.9)) >= 0.3
    interpreter = litert.Interpreter(model_content=data)
    for signature, batch in (("decode", 1), ("decode_3", 3)):
        decode = interpreter.get_signature_runner(signature)
        got = np.concatenate([decode(z=z[i : i + batch])["mean"] for i in range(0, 300, batch)])
        assert got.dtype == np.float32
        assert 0 < np.abs(got - wanted).max() < MOST[kind]
    tflite.check(data)


@pytest.mark.parametrize(("kind", "part"), [("float16", 0.55), ("dynamic", 0.36), ("int8", 0.36)])
def test_sizes(kind: str, part: float, decoders: Any, files: Any) -> None:
    assert len(files["mlp", kind]) < part * len(decoders["mlp"].float32)


@pytest.mark.parametrize("kind", ["dynamic", "int8"])
def test_weights_are_quantized_by_channel(kind: str, files: Any) -> None:
    scales = [
        len(tensor.quantization.scale)
        for tensor in tensors(files["conv", kind])
        if tensor.quantization is not None and tensor.quantization.scale is not None and len(tensor.shape) == 4
    ]
    assert {8, 16} <= set(scales)


def test_int8_fixes_ranges_between_layers_and_leaves_z_as_it_is(files: Any) -> None:
    data = files["mlp", "int8"]
    assert "QUANTIZE" in flatbuffer.operations(data)
    assert "QUANTIZE" not in flatbuffer.operations(files["mlp", "dynamic"])
    model = flatbuffer.read(data)
    names = flatbuffer.operation_names(model)
    for graph in model.subgraphs:
        users = [names[operator.opcodeIndex] for operator in graph.operators if graph.inputs[0] in operator.inputs]
        assert users == ["FULLY_CONNECTED"]


@pytest.mark.parametrize(("network", "kind"), [("resnet", "dynamic"), ("conv", "int8")])
def test_a_closer_recipe_where_the_first_is_not_good(
    network: str, kind: str, decoders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder, errors = decoders[network], []
    z = decoder.calibration.prior[:, None]
    decode = litert.Interpreter(model_content=decoder.float32).get_signature_runner("decode")
    wanted = [decode(z=row)["mean"] for row in z]
    monkeypatch.setattr(quantization, "BETTER", 1.0)
    for aims in ((1.0, 1.0), (1e-9, 1e-9)):
        monkeypatch.setitem(quantization.AIMS, kind, aims)
        decode = litert.Interpreter(model_content=decoder.quantized(kind)).get_signature_runner("decode")
        errors.append(max(np.abs(decode(z=row)["mean"] - mean).max() for row, mean in zip(z, wanted)))
    assert errors[1] < errors[0]


def test_the_same_bytes_again_without_a_word(decoders: Any, files: Any, capfd: pytest.CaptureFixture[str]) -> None:
    again = build("conv")
    assert again.float32 == decoders["conv"].float32
    for kind in MOST:
        assert again.quantized(kind) == files["conv", kind]
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_the_same_bytes_in_another_process(files: Any) -> None:
    script = (
        "import hashlib, importlib.util, sys\n"
        "spec = importlib.util.spec_from_file_location('again', sys.argv[1])\n"
        "again = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(again)\n"
        "decoder = again.build('conv')\n"
        "print(*(hashlib.sha256(decoder.quantized(kind)).hexdigest() for kind in again.MOST))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, __file__],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [hashlib.sha256(files["conv", kind]).hexdigest() for kind in MOST]


def test_a_missing_package_names_the_extra(decoders: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "litert_quantizer.recipe", None)
    with pytest.raises(UserError, match=r'litert-quantizer is missing.*pip install "tfvae\[edge\]"'):
        decoders["mlp"].quantized("dynamic")
