"""The fused op against TensorFlow Probability in float64 with the same noise: z, kl, log q and every gradient."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tests.tolerance import rounding
from tfvae import noise
from tfvae.latent import CorrelatedNormal, DiagonalNormal, StandardNormal, sample_and_kl

pytestmark = pytest.mark.usefixtures("library")

tfd = tfp.distributions
ADDRESS = noise.Address(seed=2**40 + 5, purpose=noise.TRAINING, step=70_000, first_example=11, first_sample=3)
SAMPLES = 2
KINDS = ("standard", "diagonal", "correlated")
# Relative to the largest result. The longest sums go over 257 dimensions; those over examples are of partial sums.
# Of float64, 1e-12 leaves room for the condition of a covariance of 1,024 dimensions.
TOLERANCE = {"float64": 1e-12, "float32": rounding("float32", 257)}


class Inputs(NamedTuple):
    """z_mean and z_log_var, and the gradients of a loss with respect to z, kl and log q."""

    z_mean: tf.Tensor
    z_log_var: tf.Tensor
    d_z: tf.Tensor
    d_kl: tf.Tensor
    d_log_q: tf.Tensor


def make_prior(kind: str, size: int, dtype: str) -> Any:
    """The same prior in each dtype, but for rounding, far from the standard one and trained."""
    if kind == "standard":
        return StandardNormal(size, dtype=dtype)
    rng = np.random.default_rng(size)
    mean = rng.normal(size=size).astype("float32")
    if kind == "diagonal":
        return DiagonalNormal(size, mean, rng.uniform(0.3, 3, size), trainable=True, dtype=dtype)
    factor = np.tril(rng.normal(size=[size, size])) / np.sqrt(size) * 0.5
    np.fill_diagonal(factor, rng.uniform(0.7, 1.5, size))
    return CorrelatedNormal(size, mean, factor @ factor.T, trainable=True, dtype=dtype)


def inputs(shape: tuple[int, ...], dtype: str) -> Inputs:
    """Values that float32 has exactly, in `dtype`."""
    rng = np.random.default_rng(1)
    values = (
        rng.normal(size=shape),
        rng.uniform(-4, 2, shape),
        rng.normal(size=(SAMPLES, *shape)),
        rng.normal(size=shape[:1]),
        rng.normal(size=(SAMPLES, shape[0])),
    )
    return Inputs(*(tf.constant(value.astype("float32"), dtype) for value in values))


def fused(prior: Any, given: Inputs) -> list[tf.Tensor]:
    """z, kl, log q; then the gradients for z_mean, z_log_var and the prior's weights."""
    weights = [variable.value for variable in prior.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch([given.z_mean, given.z_log_var])
        drawn = sample_and_kl(
            given.z_mean, given.z_log_var, prior, ADDRESS, samples=SAMPLES, log_q=True, implementation="fused"
        )
    return [*drawn, *tape.gradient(list(drawn), [given.z_mean, given.z_log_var, *weights], list(given[2:]))]


def exact(prior: Any, given: Inputs, eps: tf.Tensor) -> list[tf.Tensor]:
    """The same by TensorFlow Probability, for a prior of float64."""
    weights = [variable.value for variable in prior.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch([given.z_mean, given.z_log_var])
        posterior = tfd.MultivariateNormalDiag(given.z_mean, tf.exp(given.z_log_var / 2))
        z = given.z_mean + tf.exp(given.z_log_var / 2) * eps
        if prior.kind == "cholesky":
            target = tfd.MultivariateNormalTriL(prior.mean, prior.scale_tril)
        else:
            target = tfd.MultivariateNormalDiag(prior.mean, tf.linalg.diag_part(prior.scale_tril))
        kl, log_q = posterior.kl_divergence(target), posterior.log_prob(z)
        results = [z, *(_summed(value, rank) for value, rank in ((kl, 1), (log_q, 2)))]
    return [*results, *tape.gradient(results, [given.z_mean, given.z_log_var, *weights], list(given[2:]))]


def _summed(value: tf.Tensor, rank: int) -> tf.Tensor:
    return tf.reduce_sum(value, axis=list(range(rank, value.shape.rank)))


def assert_close(got: list[tf.Tensor], expected: list[tf.Tensor], dtype: str, what: str) -> None:
    names = ("z", "kl", "log_q", "d_z_mean", "d_z_log_var", "d_location", "d_raw_scale")
    assert len(got) == len(expected)
    for name, one, other in zip(names, got, expected, strict=False):
        assert one.dtype == dtype
        assert one.shape == other.shape
        bound = TOLERANCE[dtype] * max(1.0, np.abs(other).max(initial=0.0))
        np.testing.assert_allclose(one, other, rtol=0, atol=bound, err_msg=f"{name}, {what}")


def check(kind: str, dtype: str, shapes: list[tuple[int, ...]]) -> None:
    size = shapes[0][-1]
    prior, wide = make_prior(kind, size, dtype), make_prior(kind, size, "float64")
    for one, other in zip(wide.variables, prior.variables, strict=True):
        one.assign(tf.cast(other.value, tf.float64))
    unknown = [tf.TensorSpec([None, *shapes[0][1:]], dtype)] * 2
    unknown += [tf.TensorSpec([SAMPLES, None, *shapes[0][1:]], dtype), tf.TensorSpec([None], dtype)]
    unknown += [tf.TensorSpec([SAMPLES, None], dtype)]
    modes = {
        "eager": lambda *given: fused(prior, Inputs(*given)),
        "graph": tf.function(lambda *given: fused(prior, Inputs(*given)), input_signature=unknown),
        "jit": tf.function(lambda *given: fused(prior, Inputs(*given)), jit_compile=True),
    }
    for shape in shapes:
        eps = noise.normal(ADDRESS, shape, SAMPLES, dtype)
        expected = exact(wide, inputs(shape, "float64"), tf.cast(eps, tf.float64))
        for mode, function in modes.items():
            assert_close(function(*inputs(shape, dtype)), expected, dtype, f"{mode}, {shape}")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("size", [1, 3, 32, 257])
def test_vectors(kind: str, dtype: str, size: int) -> None:
    large = {1: 4099, 3: 1029, 32: 261, 257: 70}[size]
    check(kind, dtype, [(batch, size) for batch in (0, 1, 5, large)])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("positions", [(7,), (3, 2)], ids=["sequence", "map"])
def test_spatial_latents(kind: str, dtype: str, positions: tuple[int, ...]) -> None:
    check(kind, dtype, [(batch, *positions, 5) for batch in (0, 3)])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(6, 33), (4, 3, 5)], ids=["vector", "sequence"])
def test_each_dimension_by_itself(kind: str, shape: tuple[int, ...]) -> None:
    """The chain-rule terms and their gradients are those of plain, which are TFP's in test_sample."""
    prior, given = make_prior(kind, shape[-1], "float64"), inputs(shape, "float64")
    upstream = tf.constant(np.random.default_rng(3).normal(size=shape))
    found = []
    for implementation in ("fused", "plain"):
        with tf.GradientTape() as tape:
            tape.watch([given.z_mean, given.z_log_var])
            drawn = sample_and_kl(
                given.z_mean, given.z_log_var, prior, ADDRESS, per_dimension=True, implementation=implementation
            )
        weights = [variable.value for variable in prior.trainable_variables]
        found.append([drawn.kl, *tape.gradient(drawn.kl, [given.z_mean, given.z_log_var, *weights], upstream)])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12 * np.abs(other).max())


@pytest.mark.parametrize("size", [512, 1024])
def test_a_wide_correlated_prior(size: int) -> None:
    prior, given = make_prior("correlated", size, "float64"), inputs((3, size), "float64")
    eps = noise.normal(ADDRESS, (3, size), SAMPLES, tf.float64)
    assert_close(fused(prior, given), exact(prior, given, eps), "float64", f"{size} dimensions")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("used", [("z",), ("kl",), ("log_q",), ("z", "log_q")], ids="-".join)
def test_a_loss_that_uses_some_outputs(kind: str, used: tuple[str, ...]) -> None:
    prior, given = make_prior(kind, 4, "float64"), inputs((3, 4), "float64")
    found = []
    for implementation in ("fused", "plain"):

        @tf.function
        def gradients(implementation: str = implementation) -> list[tf.Tensor]:
            weights = [variable.value for variable in prior.trainable_variables]
            with tf.GradientTape() as tape:
                tape.watch([given.z_mean, given.z_log_var])
                drawn = sample_and_kl(
                    given.z_mean, given.z_log_var, prior, ADDRESS, log_q=True, implementation=implementation
                )
                loss = tf.add_n([tf.reduce_sum(tf.sin(getattr(drawn, name))) for name in used])
            return tape.gradient(loss, [given.z_mean, given.z_log_var, *weights], unconnected_gradients="zero")

        found.append(gradients())
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)
