"""The SavedModel: every signature matches the model, in every loader, for any batch size."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

import tfvae
from tests.conformance.table import ROWS, Row
from tests.tolerance import NOISE, fan_in, rounding
from tfvae import VAE
from tfvae.data import scaling
from tfvae.export import saved_model, warmup

LATENT = 2


@pytest.fixture(scope="module")
def vae(mlp_run: Path) -> VAE:
    return tfvae.load(mlp_run)


@pytest.fixture(scope="module")
def folder(vae: VAE, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "saved_model"
    saved_model.write(vae, folder)
    warmup.write(vae, folder)
    return folder


@pytest.fixture(scope="module")
def signatures(folder: Path) -> Any:
    loaded = tf.saved_model.load(str(folder))
    # The functions have only weak references to the variables.
    return lambda name, **inputs: {key: value.numpy() for key, value in loaded.signatures[name](**inputs).items()}


def examples(count: int) -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).random((count, 8, 8, 1)), tf.float32)


def int64(value: int) -> tf.Tensor:
    return tf.constant(value, tf.int64)


@pytest.mark.parametrize("count", [1, 5])
def test_decode_encode_and_reconstruct(vae: VAE, signatures: Any, count: int) -> None:
    x, z = examples(count), tf.constant(np.random.default_rng(1).normal(size=(count, LATENT)), tf.float32)
    slack = rounding("float32", fan_in(vae.encoder, vae.decoder))
    np.testing.assert_allclose(signatures("decode", z=z)["mean"], vae.decode(z), rtol=0, atol=slack)
    np.testing.assert_array_equal(signatures("serving_default", z=z)["mean"], signatures("decode", z=z)["mean"])
    np.testing.assert_allclose(signatures("reconstruct", x=x)["mean"], vae.reconstruct(x), rtol=0, atol=slack)
    encoded = signatures("encode", x=x)
    for name, wanted in zip(("z_mean", "z_log_var"), vae.encode(x), strict=True):
        np.testing.assert_allclose(encoded[name], wanted, rtol=0, atol=slack * max(1, np.abs(wanted).max()))


@pytest.mark.parametrize("seed", [0, 2**63 - 1])
def test_sample_gives_the_same_z_and_the_users_units(vae: VAE, signatures: Any, seed: int) -> None:
    got, wanted = signatures("sample", seed=int64(seed), n=int64(5)), vae.sample(5, seed=seed, details=True)
    np.testing.assert_allclose(got["z"], wanted.z, atol=NOISE)
    assert got["x"].dtype == np.uint8
    assert (got["x"] == wanted.x).mean() > 0.999  # a value between two levels may be rounded either way
    np.testing.assert_allclose(got["x"].astype(int), wanted.x, atol=1)


def test_score_is_the_elbo(vae: VAE, signatures: Any) -> None:
    x = examples(6)
    got, wanted = signatures("score", x=x, seed=int64(3)), vae.elbo(x, seed=3)
    slack = rounding("float32", fan_in(vae.encoder, vae.decoder) + 8 * 8, np.abs(wanted.elbo).max())
    for name in ("elbo", "reconstruction", "kl"):
        np.testing.assert_allclose(got[name], getattr(wanted, name), rtol=0, atol=slack)


@pytest.mark.parametrize("row", [row for row in ROWS if row.network == "mlp"], ids=lambda row: "-".join(row))
def test_the_functions_of_every_likelihood_and_prior(row: Row) -> None:
    vae = row.build()
    functions = {signature.name: signature.function for signature in vae.signatures()}
    x = tf.constant(row.examples(4), tf.float32)
    eps = tf.constant(np.random.default_rng(0).normal(size=(4, row.latent_dim)), tf.float32)
    labels = row.y(4)
    y = {} if labels is None else {"y": tf.constant(vae.condition.encode(labels, 4))}
    wanted_terms = vae.elbo(x, seed=0, y=labels)
    drawn = tfvae.noise.normal(tfvae.noise.Address(0, tfvae.noise.EVALUATION), [4, row.latent_dim])
    scored = functions["score"](x, drawn[0], **y)
    values = math.prod(row.shape)
    slack = rounding("float32", fan_in(vae.encoder, vae.decoder) + values, np.abs(wanted_terms.elbo).max() + 2 * values)
    for name in ("elbo", "reconstruction", "kl"):
        np.testing.assert_allclose(scored[name], getattr(wanted_terms, name), rtol=0, atol=slack)
    sampled = functions["sample"](eps, **y)
    prior_z = sampled["z"]
    if row.prior == "conditional":
        prior = vae.prior.bind(lambda x: x, y["y"])
        wanted = prior.mean + tf.exp(0.5 * prior.log_var) * eps
    else:
        wanted = vae.prior.mean + tf.linalg.matvec(vae.prior.scale_tril, eps)
    np.testing.assert_allclose(prior_z, wanted, rtol=0, atol=rounding("float32", row.latent_dim + 1, 10.0))
    slack = rounding("float32", fan_in(vae.decoder))
    np.testing.assert_allclose(
        functions["decode"](prior_z, **y)["mean"], vae.decode(prior_z, labels), rtol=0, atol=slack
    )
    np.testing.assert_allclose(sampled["x"], vae.decode(prior_z, labels), rtol=0, atol=slack)


@pytest.mark.parametrize("kind", ["none", "unit", "min-max", "z-score"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_user_units_are_those_of_the_scaling(kind: str, dtype: Any) -> None:
    x = np.random.default_rng(2).integers(0, 256, (50, 8, 8, 1)).astype(dtype)
    fitted = scaling.fit(kind, x)
    mean = fitted.forward(x)
    got = fitted.inverse_in_graph(tf.constant(mean)).numpy()
    assert got.dtype == fitted.inverse(mean).dtype
    np.testing.assert_allclose(got, fitted.inverse(mean), rtol=1e-12)


def test_session_loaders_run_it_too(vae: VAE, folder: Path) -> None:
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        graph = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(folder))
        definition = graph.signature_def["sample"]
        feed = {definition.inputs["seed"].name: 7, definition.inputs["n"].name: 3}
        z = session.run(definition.outputs["z"].name, feed)
    np.testing.assert_allclose(z, vae.sample(3, seed=7, details=True).z, atol=NOISE)


def test_each_signature_has_a_warm_up_request_that_it_takes(folder: Path, signatures: Any) -> None:
    served = set(tf.saved_model.load(str(folder)).signatures)
    asked = set()
    for record in tf.data.TFRecordDataset(str(folder / warmup.FILE)):
        request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        name = request.model_spec.signature_name
        inputs = {key: tf.constant(tf.make_ndarray(value)) for key, value in request.inputs.items()}
        assert all(np.isfinite(value).all() for value in signatures(name, **inputs).values())
        asked.add(name)
    assert asked == served
