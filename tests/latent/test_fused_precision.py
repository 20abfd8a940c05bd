"""The fused op: finite differences, 16-bit types, and numerical precision."""

from __future__ import annotations

import types
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tfvae import noise
from tfvae.latent import CorrelatedNormal, DiagonalNormal, StandardNormal, sample_and_kl

pytestmark = pytest.mark.usefixtures("library")

ADDRESS = noise.Address(seed=3, purpose=noise.TRAINING, step=2, first_example=1)


def prior_of(kind: str, location: tf.Tensor, raw: tf.Tensor) -> Any:
    """A prior whose mean and raw scale are tensors."""
    lower = tf.linalg.set_diag(tf.linalg.band_part(raw, -1, 0), tf.exp(tf.linalg.diag_part(raw)))
    scales = dict(scale=tf.exp(tf.linalg.diag_part(raw)), scale_tril=lower, trainable_weights=[raw])
    return types.SimpleNamespace(kind=kind, latent_dim=raw.shape[0], mean=location, **scales)


def upstream(shape: tf.TensorShape) -> np.ndarray:
    """A different weight for each element."""
    return np.random.default_rng(len(shape)).normal(size=shape)


@pytest.mark.parametrize("kind", ["standard", "diagonal", "cholesky"])
@pytest.mark.parametrize("output", ["z", "kl", "kl_per_dimension", "log_q", "all"])
def test_gradients_are_the_finite_differences(kind: str, output: str) -> None:
    rng = np.random.default_rng(4)
    shape = (2, 2, 3)
    arguments = [rng.normal(size=shape), rng.uniform(-2, 1, shape), rng.normal(size=3), rng.normal(size=(3, 3)) * 0.4]

    def loss(z_mean: tf.Tensor, z_log_var: tf.Tensor, location: tf.Tensor, raw: tf.Tensor) -> tf.Tensor:
        prior = StandardNormal(3, dtype="float64") if kind == "standard" else prior_of(kind, location, raw)
        drawn = sample_and_kl(
            z_mean,
            z_log_var,
            prior,
            ADDRESS,
            samples=2,
            per_dimension=output == "kl_per_dimension",
            log_q=True,
            implementation="fused",
        )
        outputs = dict(z=drawn.z, kl=drawn.kl, kl_per_dimension=drawn.kl, log_q=drawn.log_q)
        chosen = [drawn.z, drawn.kl, drawn.log_q] if output == "all" else [outputs[output]]
        unused = 0.0 * (tf.reduce_sum(location) + tf.reduce_sum(raw))
        return tf.add_n([tf.reduce_sum(value * upstream(value.shape)) for value in chosen]) + unused

    analytic, numeric = tf.test.compute_gradient(loss, [tf.constant(value) for value in arguments], delta=1e-4)
    for one, other in zip(analytic, numeric, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_16_bit_error_is_at_most_twice_that_of_plain_tensorflow(dtype: str) -> None:
    rng = np.random.default_rng(5)
    shape = (64, 33)
    z_mean, z_log_var = tf.constant(rng.normal(size=shape), dtype), tf.constant(rng.uniform(-4, 2, shape), dtype)
    d_z, d_kl = tf.constant(rng.normal(size=(1, *shape)), dtype), tf.constant(rng.normal(size=64), "float32")

    def fused(z_mean: tf.Tensor, z_log_var: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        drawn = sample_and_kl(z_mean, z_log_var, StandardNormal(33), ADDRESS, implementation="fused")
        return drawn.z, drawn.kl

    def expression(z_mean: tf.Tensor, z_log_var: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        eps = tf.cast(noise.normal(ADDRESS, shape), z_mean.dtype)
        kl = 0.5 * tf.reduce_sum(tf.square(z_mean) + tf.math.expm1(z_log_var) - z_log_var, axis=1)
        return z_mean + tf.exp(z_log_var / 2) * eps, kl

    def results(function: Any, dtype: str) -> list[np.ndarray]:
        given = [tf.cast(value, dtype) for value in (z_mean, z_log_var)]
        with tf.GradientTape() as tape:
            tape.watch(given)
            outputs = function(*given)
        upstream = [tf.cast(d, output.dtype) for d, output in zip((d_z, d_kl), outputs, strict=True)]
        return [np.asarray(tf.cast(x, "float64")) for x in (*outputs, *tape.gradient(outputs, given, upstream))]

    exact = results(expression, "float64")
    names = ("z", "kl", "d_z_mean", "d_z_log_var")
    for name, ours, theirs, right in zip(names, results(fused, dtype), results(expression, dtype), exact, strict=True):
        assert np.abs(ours - right).max() <= 2 * np.abs(theirs - right).max(), name


@pytest.mark.parametrize("make", [StandardNormal, DiagonalNormal, CorrelatedNormal])
@pytest.mark.parametrize("log_var", [-1e-3, -1e-4, 1e-4, 1e-3])
def test_kl_near_the_prior_keeps_its_digits(make: Any, log_var: float) -> None:
    z_log_var = tf.fill([1, 5], log_var)
    kl = sample_and_kl(tf.zeros([1, 5]), z_log_var, make(5), ADDRESS, implementation="fused").kl
    v = float(z_log_var[0, 0])
    np.testing.assert_allclose(kl, [5 * 0.5 * (v**2 / 2 + v**3 / 6)], rtol=1e-3)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_extremes_are_reported_and_not_clamped(dtype: str) -> None:
    z_log_var = tf.constant([[-60.0], [0.0], [60.0], [200.0]], dtype)
    drawn = sample_and_kl(tf.zeros_like(z_log_var), z_log_var, StandardNormal(1), ADDRESS, implementation="fused")
    np.testing.assert_allclose(drawn.kl[:3], [29.5, 0.0, 0.5 * (np.expm1(60.0) - 60)], rtol=1e-5)
    assert np.isposinf(drawn.kl[3])
    assert np.isfinite(drawn.z[0, :2]).all()
