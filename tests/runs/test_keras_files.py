"""The files of a trained model: always float32, and readable without tfvae."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import tfvae
from tests.tolerance import NOISE, fan_in, rounding
from tfvae import VAE, CorrelatedNormal, Gaussian, config, networks
from tfvae.config.network import Conv, Mlp, Resnet
from tfvae.data import scaling
from tfvae.models.float32 import to_float32
from tfvae.runs import keras_files
from tfvae.runs.folder import Run

SHAPE = (9, 8, 1)
NETWORKS = {
    "mlp": Mlp(hidden=(8,), latent_dim=2),
    "conv": Conv(filters=(4, 4), latent_dim=2),
    "resnet": Resnet(variant="micro", latent_dim=2),
}
# For 16 bits a worst-case bound is useless: this is the error of random rounding.
SIXTEEN_BITS = {"mixed_bfloat16": 0.05, "mixed_float16": 0.01}
PRECISIONS = ["float32", *SIXTEEN_BITS, "float64"]


def slack(precision: str, *models: Any) -> float:
    """The tolerance of a float32 copy; one of a float32 model is the same computation."""
    return 0.0 if precision == "float32" else SIXTEEN_BITS.get(precision, rounding("float32", fan_in(*models)))


@pytest.fixture
def policy() -> Iterator[Any]:
    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)


def build(network: str = "mlp") -> VAE:
    keras.utils.set_random_seed(0)
    encoder, decoder = networks.build(NETWORKS[network], SHAPE, ("mean", "log_scale"))
    prior = CorrelatedNormal(2, [0.1, 0.2], [[1.0, 0.4], [0.4, 1.0]], trainable=True)
    unit = scaling.fit("unit", np.array([[0], [255]], np.uint8))
    return VAE(encoder, decoder, prior, Gaussian(scale=0.3, scale_mode="per_pixel"), scaling=unit, kl_weight=2.0)


def policies(model: Any) -> set[str]:
    computing = (layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer))
    return {layer.dtype_policy.name for layer in computing}


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("network", NETWORKS)
def test_copies_are_float32_and_say_the_same(network: str, precision: str, policy: Any) -> None:
    policy(precision)
    vae = build(network)
    x = np.random.default_rng(0).random((3, *SHAPE)).astype("float32")
    z = np.random.default_rng(1).normal(size=(3, 2)).astype("float32")
    encoder, decoder = to_float32(vae.encoder), to_float32(vae.decoder)
    assert policies(encoder) | policies(decoder) == {"float32"}
    for copy, model, given in ((encoder, vae.encoder, x), (decoder, vae.decoder, z)):
        assert copy.name == model.name
        got, wanted = keras.tree.flatten(copy(given)), keras.tree.flatten(model(given))
        for one, other in zip(got, wanted, strict=True):
            assert one.dtype == np.float32
            allowed = slack(precision, model)
            np.testing.assert_allclose(one, other, atol=allowed, rtol=allowed)
        for one, other in zip(copy.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other.astype("float32"))
    assert policies(vae.encoder) != {"float32"} or precision == "float32"  # the model itself is unchanged


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_whole_model_too(precision: str, policy: Any) -> None:
    policy(precision)
    vae = build()
    copy = to_float32(vae)
    assert {variable.dtype for variable in copy.variables} == {"float32"}
    assert copy.objective == vae.objective
    assert copy.scaling.to_dict() == vae.scaling.to_dict()
    x = np.random.default_rng(0).random((3, *SHAPE)).astype("float32")
    got, wanted = copy.elbo(x, seed=0), vae.elbo(x, seed=0)
    assert got.elbo.dtype == np.float32
    np.testing.assert_allclose(got.kl, wanted.kl, rtol=max(slack(precision, vae.encoder), rounding("float32", 2)))
    assert np.isfinite(copy.log_likelihood(x, samples=3, seed=0).log_likelihood).all()
    np.testing.assert_allclose(
        copy.sample(3, seed=0, details=True).z, vae.sample(3, seed=0, details=True).z, rtol=0, atol=2 * NOISE
    )


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_run_folder_gives_the_model_back(precision: str, policy: Any, tmp_path: Path) -> None:
    policy(precision)
    vae = build()
    run = Run.create(tmp_path / "run", config.Config(), {})
    keras_files.save(vae, run)
    policy("float32")
    loaded = tfvae.load(run.folder)
    np.testing.assert_allclose(
        loaded.sample(3, seed=4, details=True).z, vae.sample(3, seed=4, details=True).z, rtol=0, atol=2 * NOISE
    )
    assert loaded.sample(3, seed=4).dtype == np.uint8
    assert json.loads((run.folder / "scaling.json").read_text()) == vae.scaling.to_dict()
    z = np.zeros((2, 2), "float32")
    decoder = keras.models.load_model(run.folder / "decoder.keras")
    np.testing.assert_allclose(decoder(z)["mean"], loaded.decode(z), rtol=0, atol=rounding("float32", fan_in(decoder)))
    assert not [path for path in run.folder.iterdir() if path.name.startswith(".")]


@pytest.mark.slow
def test_encoder_and_decoder_load_where_tfvae_never_was(policy: Any, tmp_path: Path) -> None:
    policy("mixed_bfloat16")
    for network in NETWORKS:
        keras_files.save(build(network), Run.create(tmp_path / network, config.Config(), {}))
    script = (
        "import sys, keras, numpy as np\n"
        "for network in sys.argv[1:]:\n"
        "    files = (f'{network}/{name}.keras' for name in ('encoder', 'decoder'))\n"
        "    encoder, decoder = map(keras.models.load_model, files)\n"
        "    z_mean, z_log_var = encoder(np.full((2, 9, 8, 1), 0.5, 'float32'))\n"
        "    np.savez(f'{network}/out.npz', z_mean=z_mean, z_log_var=z_log_var, **decoder(z_mean))\n"
        "assert not any(name.split('.')[0] == 'tfvae' for name in sys.modules)\n"
    )
    command = [sys.executable, "-c", script, *NETWORKS]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=240)
    policy("float32")
    for network in NETWORKS:
        loaded, out = tfvae.load(tmp_path / network), np.load(tmp_path / network / "out.npz")
        z_mean, z_log_var = loaded.encode(np.full((2, *SHAPE), 0.5, "float32"))
        for name, wanted in {"z_mean": z_mean, "z_log_var": z_log_var, **loaded.decoder(z_mean)}.items():
            assert out[name].dtype == np.float32
            allowed = rounding("float32", fan_in(loaded.encoder, loaded.decoder), max(1, np.abs(wanted).max()))
            np.testing.assert_allclose(out[name], wanted, rtol=0, atol=allowed, err_msg=f"{network} {name}")
