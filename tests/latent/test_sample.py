"""`sample_and_kl`: plain against reference (TensorFlow Probability), and what every implementation must do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tests.tolerance import NOISE, rounding
from tfvae import UserError, noise
from tfvae.latent import CorrelatedNormal, DiagonalNormal, SampleAndKl, StandardNormal, resolve, sample_and_kl

tfd = tfp.distributions
ADDRESS = noise.Address(seed=11, purpose=noise.TRAINING, step=5, first_example=7)
D = 3
COVARIANCE = [[1.5, -0.5, 0.2], [-0.5, 1.0, 0.3], [0.2, 0.3, 0.8]]
PRIORS = {
    "standard": lambda dtype: StandardNormal(D, dtype=dtype),
    "diagonal": lambda dtype: DiagonalNormal(D, [0.5, -0.3, 0.2], [1.5, 1.0, 0.8], dtype=dtype),
    "correlated": lambda dtype: CorrelatedNormal(D, [0.5, -0.3, 0.2], COVARIANCE, dtype=dtype),
}
every_prior = pytest.mark.parametrize("prior", PRIORS.values(), ids=PRIORS)
# 2e-5 is 168 times the epsilon of float32, 1e-10 far more of float64; no sum here has more than 36 terms.
every_dtype = pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-10), ("float32", 2e-5)])


def posterior(dtype: str = "float64", shape: tuple[int, ...] = (5, D)) -> tuple[tf.Tensor, tf.Tensor]:
    rng = np.random.default_rng(0)
    return tf.constant(rng.normal(size=shape), dtype), tf.constant(rng.uniform(-3, 1, shape), dtype)


def both(prior: Any, dtype: str, shape: tuple[int, ...] = (5, D), **options: Any) -> tuple[SampleAndKl, SampleAndKl]:
    z_mean, z_log_var = posterior(dtype, shape)
    plain, reference = (
        sample_and_kl(z_mean, z_log_var, prior(dtype), ADDRESS, implementation=name, **options)
        for name in ("plain", "reference")
    )
    return plain, reference


@every_prior
@every_dtype
@pytest.mark.parametrize("per_dimension", [False, True])
@pytest.mark.parametrize("shape", [(5, D), (2, 4, D), (2, 3, 4, D)], ids=["vector", "sequence", "map"])
def test_plain_is_the_reference(prior: Any, dtype: str, rtol: float, per_dimension: bool, shape: tuple) -> None:
    plain, reference = both(prior, dtype, shape, samples=3, per_dimension=per_dimension, log_q=True)
    assert plain.z.shape == (3, *shape)
    assert plain.kl.shape == (shape if per_dimension else shape[:1])
    assert plain.log_q.shape == (3, shape[0])
    for one, other in zip(plain, reference, strict=True):
        assert one.dtype == other.dtype == dtype
        np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol)


@every_prior
def test_terms_of_the_dimensions_sum_to_tfps_kl(prior: Any, implementation: str) -> None:
    z_mean, z_log_var = posterior()
    layer = prior("float64")
    call = dict(implementation=implementation)
    exact = tfd.MultivariateNormalDiag(z_mean, tf.exp(z_log_var / 2)).kl_divergence(
        tfd.MultivariateNormalFullCovariance(layer.mean, layer.scale_tril @ tf.transpose(layer.scale_tril))
    )
    terms = sample_and_kl(z_mean, z_log_var, layer, ADDRESS, per_dimension=True, **call).kl
    np.testing.assert_allclose(tf.reduce_sum(terms, axis=1), exact, rtol=1e-9)
    np.testing.assert_allclose(sample_and_kl(z_mean, z_log_var, layer, ADDRESS, **call).kl, exact, rtol=1e-9)


@every_prior
def test_gradients_are_tfps(prior: Any) -> None:
    z_mean, z_log_var = posterior()
    found = []
    for implementation in ("plain", "reference"):
        layer = prior("float64")
        with tf.GradientTape() as tape:
            tape.watch([z_mean, z_log_var])
            drawn = sample_and_kl(
                z_mean, z_log_var, layer, ADDRESS, samples=2, log_q=True, implementation=implementation
            )
            value = tf.reduce_sum(drawn.kl) + tf.reduce_sum(tf.sin(drawn.z)) + 0.3 * tf.reduce_sum(drawn.log_q)
        found.append(tape.gradient(value, [z_mean, z_log_var]))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


def test_gradients_of_a_trained_prior_are_tfps() -> None:
    z_mean, z_log_var = posterior()
    found = []
    for implementation in ("plain", "reference"):
        layer = CorrelatedNormal(D, [0.5, -0.3, 0.2], COVARIANCE, trainable=True, dtype="float64")
        with tf.GradientTape() as tape:
            kl = sample_and_kl(z_mean, z_log_var, layer, ADDRESS, implementation=implementation).kl
        found.append(tape.gradient(kl, [variable.value for variable in layer.trainable_variables]))
    for one, other in zip(*found, strict=True):
        assert np.abs(other).max() > 0.1
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


@every_prior
@every_dtype
def test_eager_graph_and_jit_agree(prior: Any, implementation: str, dtype: str, rtol: float) -> None:
    layer = prior(dtype)

    def call(z_mean: tf.Tensor, z_log_var: tf.Tensor) -> tuple:
        options = dict(samples=2, per_dimension=True, log_q=True, implementation=implementation)
        return tuple(sample_and_kl(z_mean, z_log_var, layer, ADDRESS, **options))

    eager = call(*posterior(dtype))
    dynamic = tf.TensorSpec([None, D], dtype)
    for compiled in (
        tf.function(call, input_signature=[dynamic, dynamic]),
        tf.function(call, jit_compile=True),
    ):
        for one, other in zip(eager, compiled(*posterior(dtype)), strict=True):
            np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("log_var", [-1e-3, -1e-5, 1e-7, 1e-5, 1e-3])
@every_dtype
def test_kl_near_unit_variance_keeps_its_digits(log_var: float, dtype: str, rtol: float, implementation: str) -> None:
    z_log_var = tf.constant([[log_var]], dtype)
    prior, zero = StandardNormal(1, dtype=dtype), tf.zeros([1, 1], dtype)
    got = sample_and_kl(zero, z_log_var, prior, ADDRESS, implementation=implementation).kl
    v = float(z_log_var[0, 0])
    exact = 0.5 * (v**2 / 2 + v**3 / 6 + v**4 / 24)
    np.testing.assert_allclose(got, [exact], rtol=1e-3, atol=0 if abs(v) >= 1e-3 or dtype == "float64" else 1e-12)


@every_prior
def test_kl_is_what_its_samples_say(prior: Any, implementation: str) -> None:
    count = 50_000
    z_mean, z_log_var = (tf.repeat(value[:2], count, axis=0) for value in posterior())
    layer = prior("float64")
    drawn = sample_and_kl(z_mean, z_log_var, layer, ADDRESS, log_q=True, implementation=implementation)
    ratio = np.reshape(drawn.log_q - layer.log_prob(drawn.z), [2, count])
    error = ratio.std(axis=1) / np.sqrt(count)
    assert np.all(np.abs(ratio.mean(axis=1) - np.reshape(drawn.kl, [2, count])[:, 0]) < 4.5 * error)


def test_kl_of_the_prior_itself_is_zero(implementation: str) -> None:
    mean, variance = [0.5, -0.3, 0.2], [0.5, 1.0, 2.0]
    z_log_var = tf.math.log(tf.constant([variance], tf.float64))
    for layer in (
        DiagonalNormal(D, mean, variance, dtype="float64"),
        CorrelatedNormal(D, mean, np.diag(variance), dtype="float64"),
    ):
        drawn = sample_and_kl(
            layer.mean[None], z_log_var, layer, ADDRESS, per_dimension=True, implementation=implementation
        )
        np.testing.assert_allclose(drawn.kl, np.zeros([1, D]), atol=1e-14)


def test_a_diagonal_covariance_and_the_diagonal_prior_are_one(implementation: str) -> None:
    mean, variance = [0.5, -0.3, 0.2], [0.5, 1.0, 2.0]
    options = dict(per_dimension=True, implementation=implementation)
    one, other = (
        sample_and_kl(*posterior(), layer, ADDRESS, **options).kl
        for layer in (
            DiagonalNormal(D, mean, variance, dtype="float64"),
            CorrelatedNormal(D, mean, np.diag(variance), dtype="float64"),
        )
    )
    np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


def test_log_q_is_the_density_of_z(implementation: str) -> None:
    z_mean, z_log_var = posterior()
    options = dict(samples=4, log_q=True, implementation=implementation)
    drawn = sample_and_kl(z_mean, z_log_var, StandardNormal(D, dtype="float64"), ADDRESS, **options)
    exact = tfd.MultivariateNormalDiag(z_mean, tf.exp(z_log_var / 2)).log_prob(drawn.z)
    np.testing.assert_allclose(drawn.log_q, exact, rtol=1e-9)


@pytest.mark.parametrize("implementation", ["plain", "fused"], indirect=True)
def test_log_q_stays_exact_where_the_scale_is_tiny(implementation: str) -> None:
    z_mean, z_log_var = tf.fill([1, 1], 1e4), tf.fill([1, 1], -30.0)
    drawn = sample_and_kl(z_mean, z_log_var, StandardNormal(1), ADDRESS, log_q=True, implementation=implementation)
    eps = noise.normal(ADDRESS, [1, 1])[0, 0, 0]
    np.testing.assert_allclose(
        drawn.log_q[0, 0], -0.5 * eps**2 + 15 - 0.5 * np.log(2 * np.pi), rtol=rounding("float32", 3)
    )


def test_samples_are_the_noise_of_their_address(implementation: str) -> None:
    z_mean, z_log_var = posterior("float32")
    drawn = sample_and_kl(z_mean, z_log_var, StandardNormal(D), ADDRESS, samples=2, implementation=implementation)
    eps = noise.normal(ADDRESS, [5, D], samples=2)
    std = tf.exp(z_log_var / 2)
    slack = NOISE * np.max(std) + rounding("float32", 2, np.abs(drawn.z).max())
    np.testing.assert_allclose(drawn.z, z_mean + std * eps, rtol=0, atol=slack)
    assert drawn.log_q is None
    address = ADDRESS._replace(first_example=10)
    shard = sample_and_kl(z_mean[3:], z_log_var[3:], StandardNormal(D), address, implementation=implementation)
    np.testing.assert_allclose(shard.z[0], drawn.z[0, 3:], rtol=0, atol=rounding("float32", 2, np.abs(drawn.z).max()))


@every_prior
@pytest.mark.parametrize("where", [0, 1], ids=["z_mean", "z_log_var"])
def test_nan_in_one_example_stays_there(prior: Any, implementation: str, where: int) -> None:
    values = [value.numpy() for value in posterior("float32")]
    values[where][2, 1] = np.nan
    drawn = sample_and_kl(*values, prior("float32"), ADDRESS, log_q=True, implementation=implementation)
    for finite in (np.isfinite(drawn.z[0]).all(axis=1), np.isfinite(drawn.kl)):
        assert finite.tolist() == [True, True, False, True, True]


@every_prior
def test_bfloat16_is_computed_in_float32(prior: Any, implementation: str) -> None:
    z_mean, z_log_var = posterior("bfloat16")
    layer = prior("float32")
    drawn = sample_and_kl(z_mean, z_log_var, layer, ADDRESS, log_q=True, implementation=implementation)
    assert (drawn.z.dtype, drawn.kl.dtype, drawn.log_q.dtype) == (tf.bfloat16, tf.float32, tf.float32)
    wide = tf.cast(z_mean, "float32"), tf.cast(z_log_var, "float32")
    wide = sample_and_kl(*wide, layer, ADDRESS, implementation=implementation)
    np.testing.assert_array_equal(drawn.kl, wide.kl)
    np.testing.assert_array_equal(drawn.z, tf.cast(wide.z, tf.bfloat16))


@every_prior
def test_empty_batch(prior: Any, implementation: str) -> None:
    options = dict(samples=2, log_q=True, implementation=implementation)
    drawn = sample_and_kl(tf.zeros([0, D]), tf.zeros([0, D]), prior("float32"), ADDRESS, **options)
    assert (drawn.z.shape, drawn.kl.shape, drawn.log_q.shape) == ((2, 0, D), (0,), (2, 0))


@pytest.mark.parametrize(
    ("z_mean", "z_log_var", "samples", "said"),
    [
        (tf.zeros([2, 3]), tf.zeros([2, 2]), 1, "want the same shape"),
        (tf.zeros([2, 3]), tf.zeros([2, 3], tf.float64), 1, "want one floating dtype"),
        (tf.zeros([2, 3], tf.int32), tf.zeros([2, 3], tf.int32), 1, "want one floating dtype"),
        (tf.zeros([3]), tf.zeros([3]), 1, "rank 2 at least"),
        (tf.zeros([2, 4]), tf.zeros([2, 4]), 1, "the prior 3 dimensions"),
        (tf.zeros([2, 3]), tf.zeros([2, 3]), 0, "samples: got 0"),
        (tf.zeros([2, 3]), tf.zeros([2, 3]), 2**16 + 1, "samples: got 65537, want 1 to 65536"),
    ],
)
def test_what_does_not_fit_is_said(z_mean: tf.Tensor, z_log_var: tf.Tensor, samples: int, said: str) -> None:
    with pytest.raises(UserError, match=said):
        sample_and_kl(z_mean, z_log_var, StandardNormal(D), ADDRESS, samples=samples)


def test_resolve() -> None:
    assert resolve("reference") == ("reference", "")
    name, reason = resolve("auto")
    assert name in ("fused", "plain")
    assert bool(reason) == (name == "plain")
    with pytest.raises(UserError, match="did you mean plain"):
        resolve("plan")
