"""TFLite files of float32: they match Keras, draw the specified noise, and wrong ones are rejected."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conformance.table import LIKELIHOODS, Row
from tests.tolerance import NOISE, fan_in, rounding
from tfvae import VAE, networks, noise
from tfvae.config.network import Mlp
from tfvae.data import scaling
from tfvae.errors import UserError
from tfvae.export import flatbuffer, tflite
from tfvae.latent import CorrelatedNormal

litert = pytest.importorskip("ai_edge_litert.interpreter")

GOLDEN = Path(__file__).parents[1] / "golden" / "noise_v1.json"
# Each likelihood; each network, prior and size more than once.
ROWS = [
    Row(network, likelihood, prior, size)
    for likelihood, network, prior, size in zip(
        LIKELIHOODS,
        ("mlp", "conv", "resnet", "conv", "mlp", "mlp", "conv"),
        ("standard", "trained", "correlated", "correlated", "diagonal", "trained", "standard"),
        ("8x8x1", "9x11x3", "8x8x1", "9x11x3", "9x11x3", "8x8x1", "8x8x1"),
    )
]


def runner(data: bytes, signature: str) -> Any:
    return litert.Interpreter(model_content=data).get_signature_runner(signature)


def words(seed: int) -> np.ndarray:
    """A 64-bit seed in the form of generator and scorer."""
    return np.array([seed & 0xFFFFFFFF, seed >> 32], np.uint32).view(np.int32)


def eight_latents(**parts: Any) -> VAE:
    keras.utils.set_random_seed(0)
    return VAE(*networks.build(Mlp(hidden=(6,), latent_dim=8), (2, 2, 1)), **parts)


@pytest.mark.parametrize("row", ROWS, ids="-".join)
def test_the_decoder_gives_the_mean(row: Row) -> None:
    vae = row.build()
    data = tflite.decoder(vae, [2, 1])
    z = np.random.default_rng(0).normal(0, 2, (2, row.latent_dim)).astype(np.float32)
    wanted = vae.decode(z).numpy()
    assert wanted.shape == (2, *row.shape)
    np.testing.assert_allclose(runner(data, "decode")(z=z)["mean"], wanted, rtol=0, atol=1e-5)
    np.testing.assert_allclose(runner(data, "decode_1")(z=z[1:])["mean"], wanted[1:], rtol=0, atol=1e-5)


@pytest.mark.parametrize("row", [ROWS[1], ROWS[4]], ids="-".join)
def test_the_scorer_gives_encodings_and_the_elbo(row: Row) -> None:
    vae, x, seed = row.build(), row.examples(2).astype(np.float32), 2**40 + 7
    data = tflite.scorer(vae, [2])
    encoding = runner(data, "encode")(x=x)
    for name, wanted in zip(("z_mean", "z_log_var"), vae.encode(x)):
        slack = rounding("float32", fan_in(vae.encoder), max(1, np.abs(wanted).max()))
        np.testing.assert_allclose(encoding[name], wanted, rtol=0, atol=slack)
    eps = noise.normal(noise.Address(seed, noise.EVALUATION), [2, row.latent_dim])[0].numpy()
    scores = runner(data, "score")(x=x, seed=words(seed)), runner(data, "score_with_noise")(x=x, eps=eps)
    elbo, values = vae.elbo(x, seed=seed), x[0].size
    slack = rounding("float32", fan_in(vae.encoder, vae.decoder) + values, np.abs(elbo.elbo).max() + 2 * values)
    for name in ("elbo", "reconstruction", "kl"):
        for score in scores:
            np.testing.assert_allclose(score[name], getattr(elbo, name), rtol=0, atol=slack)


def test_the_generator_draws_the_golden_noise() -> None:
    draw = runner(tflite.generator(eight_latents(), [4]), "sample")
    rows = [
        row
        for row in json.loads(GOLDEN.read_text())["rows"]
        if (row["purpose"], row["step"], row["sample"], row["width"]) == (0, 0, 0, 8) and row["example"] < 4
    ]
    assert len(rows) > 1
    for row in rows:
        z = draw(seed=words(row["seed"]))["z"]
        np.testing.assert_allclose(z[row["example"]], row["normals"][:8], rtol=0, atol=NOISE)


def test_the_generator_gives_the_users_units_under_a_correlated_prior() -> None:
    factor = np.tril(np.random.default_rng(0).normal(0, 0.3, (8, 8))) + np.eye(8)
    prior = CorrelatedNormal(8, np.linspace(-1, 1, 8), factor @ factor.T)
    vae = eight_latents(prior=prior, scaling=scaling.fit("unit", np.array([[0], [255]], np.uint8)))
    data = tflite.generator(vae, [1, 5])
    for signature, count in (("sample", 1), ("sample_5", 5)):
        got, wanted = runner(data, signature)(seed=words(2**62 + 3)), vae.sample(count, seed=2**62 + 3, details=True)
        np.testing.assert_allclose(got["z"], wanted.z, rtol=0, atol=NOISE)
        assert got["x"].dtype == np.uint8
        # A mean exactly between two levels may be rounded either way.
        np.testing.assert_allclose(got["x"].astype(int), wanted.x, rtol=0, atol=1)


def test_signatures_share_their_weights() -> None:
    vae = VAE(*networks.build(Mlp(hidden=(256,), latent_dim=2), (8, 8, 1)))
    one, three = tflite.decoder(vae, [1]), tflite.decoder(vae, [1, 4, 32])
    assert vae.decoder.count_params() * 4 < len(one) < len(three) < 1.1 * len(one)


def test_the_same_bytes_again() -> None:
    vae = ROWS[0].build()
    once = tflite.decoder(vae, [1])
    vae.sample(3, seed=0)  # traces functions of its own
    tflite.decoder(ROWS[1].build(), [1])
    assert tflite.decoder(vae, [1]) == once
    assert tflite.decoder(ROWS[0].build(), [1]) == once


def test_a_file_with_variables_is_refused() -> None:
    """The conversion that gives a file that loads but returns garbage."""
    decoder = ROWS[0].build().decoder
    call = tf.function(lambda z: decoder(z)).get_concrete_function(tf.TensorSpec([1, 2], tf.float32))
    data = tf.lite.TFLiteConverter.from_concrete_functions([call], decoder).convert()
    assert "VAR_HANDLE" in flatbuffer.operations(data)
    with pytest.raises(UserError, match="READ_VARIABLE, VAR_HANDLE"):
        tflite.check(data)


def test_a_file_with_flex_operations_is_refused_wherever_they_are() -> None:
    """In the branch of a condition, which is a separate subgraph."""
    module = tf.Module()
    module.run = tf.function(
        lambda x: tf.cond(tf.reduce_sum(x) > 0, lambda: tf.linalg.inv(x), lambda: x),
        input_signature=[tf.TensorSpec([2, 2], tf.float32)],
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.run.get_concrete_function()], module)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    with pytest.raises(UserError, match="FlexMatrixInverse"):
        tflite.check(converter.convert())


class Inverse(keras.layers.Layer):
    """Has no builtin operation."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """The inverse of a matrix made of each row."""
        return tf.linalg.inv(tf.linalg.diag(tf.exp(x)))[..., 0]


def test_a_layer_that_cannot_be_converted_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    z = keras.Input((2,), name="z")
    hidden = Inverse(name="odd")(keras.layers.Dense(4, name="even")(z))
    x = keras.layers.Reshape((4, 4, 1))(keras.layers.Dense(16)(hidden))
    encoder, _ = networks.build(Mlp(hidden=(), latent_dim=2), (4, 4, 1))
    vae = VAE(encoder, keras.Model(z, x, name="decoder"))
    capfd.readouterr()
    with pytest.raises(UserError, match=r"decoder's layer 'odd' \(Inverse\) uses tf\.MatrixInverse"):
        tflite.decoder(vae, [1])
    assert capfd.readouterr() == ("", "")


def test_a_likelihood_that_cannot_be_converted_is_named() -> None:
    class Odd(type(ROWS[0].build().likelihood)):  # type: ignore[misc]
        def _mean(self, parameters: Any) -> tf.Tensor:
            return tf.linalg.inv(parameters["logits"][..., 0])[..., None]

    vae = VAE(*networks.build(Mlp(hidden=(), latent_dim=2), (4, 4, 1)), likelihood=Odd())
    with pytest.raises(UserError, match="each layer converts, but the model with its likelihood Odd does not"):
        tflite.decoder(vae, [1])


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.tools.flatbuffer_utils", None)
    with pytest.raises(UserError, match=r'ai-edge-litert is missing.*pip install "tfvae\[edge\]"'):
        tflite.check(b"")
