"""The likelihoods: densities against closed forms and integrals, means and draws, limits, gradients, settings."""

from __future__ import annotations

import itertools
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import integrate, stats

from tests.tolerance import rounding
from tfvae import Bernoulli, ContinuousBernoulli, Gaussian, Laplace, UserError, likelihoods, noise
from tfvae.config import likelihood as settings_of

ADDRESS = noise.Address(seed=2, purpose=noise.LIKELIHOOD)
LOGITS = [
    -500.0,
    -30.0,
    -3.0,
    -0.100001,
    -0.099999,
    -1e-3,
    -1e-7,
    0.0,
    1e-7,
    0.05,
    0.099999,
    0.100001,
    1.0,
    30.0,
    500.0,
]
pytestmark = pytest.mark.usefixtures("float64")


def one(likelihood: Any, x: float, **parameters: float) -> float:
    """log p of one number."""
    return float(likelihood.log_prob(np.array([x]), {k: np.array([v]) for k, v in parameters.items()})[0])


@pytest.mark.parametrize("mode", ["fixed", "shared", "per_pixel"])
@pytest.mark.parametrize(("kind", "exact"), [(Gaussian, stats.norm), (Laplace, stats.laplace)])
def test_location_scale_is_scipys(kind: Any, exact: Any, mode: str) -> None:
    rng = np.random.default_rng(0)
    x, mean, log_scale = rng.normal(size=(3, 4, 5, 2))
    parameters = {"mean": mean, "log_scale": log_scale} if mode == "per_pixel" else {"mean": mean}
    likelihood = kind(scale=0.7, scale_mode=mode)
    assert likelihood.parameters == tuple(parameters)
    scale = 0.7 * np.exp(log_scale) if mode == "per_pixel" else 0.7
    wanted = exact(mean, scale).logpdf(x).sum(axis=(1, 2))
    got = likelihood.log_prob(tf.constant(x), {name: tf.constant(value) for name, value in parameters.items()})
    np.testing.assert_allclose(got, wanted, rtol=1e-12)
    np.testing.assert_array_equal(likelihood.mean(parameters), mean)


def test_bernoulli_is_the_cross_entropy() -> None:
    for logit in (-5.0, 0.0, 2.0):
        p = 1 / (1 + np.exp(-logit))
        for x in (0.0, 0.3, 1.0):
            assert one(Bernoulli(), x, logits=logit) == pytest.approx(
                x * np.log(p) + (1 - x) * np.log(1 - p), rel=1e-12
            )


@pytest.mark.parametrize("logit", LOGITS)
def test_continuous_bernoulli_integrates_to_one_and_to_its_mean(logit: float) -> None:
    likelihood = ContinuousBernoulli()
    # Most of the mass lies within a few 1/|l| of one end: from there, in a few panels, each with a Gauss rule.
    edges = np.unique(np.clip([0, 1, *(np.array([1, 4, 16, 64]) / max(abs(logit), 1))], 0, 1))
    edges = edges if logit < 0 else 1 - edges[::-1]
    x, w = (np.concatenate(parts) for parts in zip(*(_gauss(a, b) for a, b in itertools.pairwise(edges))))
    density = np.exp(likelihood.log_prob(x[:, None], {"logits": tf.fill([len(x), 1], np.float64(logit))}))
    assert np.sum(w * density) == pytest.approx(1, abs=2e-9)
    mean = float(likelihood.mean({"logits": tf.constant([[logit]], tf.float64)})[0, 0])
    assert np.sum(w * density * x) == pytest.approx(mean, abs=2e-9)


def _gauss(low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    node, weight = np.polynomial.legendre.leggauss(40)
    return low + (high - low) * (node + 1) / 2, weight * (high - low) / 2


@pytest.mark.parametrize("logit", LOGITS)
def test_continuous_bernoulli_draws_have_its_distribution(logit: float) -> None:
    count = 200_000
    x = ContinuousBernoulli().sample({"logits": tf.fill([count, 1], np.float64(logit))}, ADDRESS).numpy()[:, 0]
    assert x.min() >= 0
    assert x.max() <= 1
    mean = float(ContinuousBernoulli().mean({"logits": tf.constant([logit], tf.float64)})[0])
    assert abs(x.mean() - mean) < 4.5 * x.std() / np.sqrt(count)
    if 1e-4 < abs(logit) < 100:
        cdf = np.expm1(logit * np.sort(x)) / np.expm1(logit)
        assert np.abs(cdf - (np.arange(count) + 0.5) / count).max() < 2 / np.sqrt(count)


@pytest.mark.parametrize(
    ("likelihood", "parameters", "exact"),
    [
        (Bernoulli(dtype="float64"), {"logits": 0.8}, stats.bernoulli(1 / (1 + np.exp(-0.8)))),
        (Gaussian(scale=0.5, dtype="float64"), {"mean": 1.0}, stats.norm(1.0, 0.5)),
        (
            Gaussian(scale=2.0, scale_mode="per_pixel", dtype="float64"),
            {"mean": 1.0, "log_scale": -1.0},
            stats.norm(1, 2 / np.e),
        ),
        (Laplace(scale=0.5, scale_mode="shared", dtype="float64"), {"mean": 1.0}, stats.laplace(1.0, 0.5)),
    ],
)
def test_draws_have_mean_and_spread(likelihood: Any, parameters: dict[str, float], exact: Any) -> None:
    count = 200_000
    given = {name: tf.fill([count, 1], np.float64(value)) for name, value in parameters.items()}
    x = likelihood.sample(given, ADDRESS).numpy()[:, 0]
    assert abs(x.mean() - exact.mean()) < 4.5 * exact.std() / np.sqrt(count)
    assert x.std() == pytest.approx(exact.std(), rel=0.02)
    assert float(likelihood.mean(given)[0, 0]) == pytest.approx(exact.mean(), rel=1e-12)
    if exact.dist.name != "bernoulli":
        assert stats.kstest(x, exact.cdf).statistic < 2 / np.sqrt(count)


def test_a_draw_lies_at_its_index() -> None:
    parameters = {"mean": tf.zeros([6, 3, 2])}
    whole = Gaussian().sample(parameters, ADDRESS)
    part = Gaussian().sample({"mean": tf.zeros([2, 3, 2])}, ADDRESS._replace(first_example=4))
    np.testing.assert_array_equal(part, whole[4:])


def test_densities_of_several_samples() -> None:
    rng = np.random.default_rng(0)
    x, logits = rng.random((4, 3, 2)), rng.normal(size=(5, 4, 3, 2))
    got = ContinuousBernoulli().log_prob(tf.constant(x), {"logits": tf.constant(logits)})
    assert got.shape == (5, 4)
    alone = ContinuousBernoulli().log_prob(tf.constant(x), {"logits": tf.constant(logits[3])})
    np.testing.assert_allclose(got[3], alone, rtol=1e-13)


def test_laplace_and_gaussian_integrate_to_one() -> None:
    for likelihood in (Gaussian(scale=0.3), Laplace(scale=0.3)):

        def density(x: float, likelihood: Any = likelihood) -> float:
            return np.exp(one(likelihood, x, mean=0.2))

        assert sum(integrate.quad(density, *ends)[0] for ends in ((-4, 0.2), (0.2, 4))) == pytest.approx(1, abs=1e-5)


def test_mse_is_the_squared_error_and_a_constant() -> None:
    mse = likelihoods.from_settings(settings_of.Mse())
    assert -one(mse, 3.0, mean=1.0) == pytest.approx(4.0 + 0.5 * np.log(np.pi), rel=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", [Bernoulli, ContinuousBernoulli])
def test_density_mean_and_draw_have_finite_gradients_at_any_logit(kind: Any, dtype: str) -> None:
    likelihood = kind(dtype=dtype)
    logits = tf.constant([[value] for value in [-1e4, *LOGITS, 1e4]], dtype)
    for x in (0.0, 0.5, 1.0):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(logits)
            density = likelihood.log_prob(tf.fill(logits.shape, tf.constant(x, dtype)), {"logits": logits})
            mean = likelihood.mean({"logits": logits})
        assert np.isfinite(density).all()
        assert np.isfinite(mean).all()
        # The derivative of log p is x - E[x].
        np.testing.assert_allclose(tape.gradient(density, logits), x - mean, atol=2e-5 if dtype == "float32" else 1e-6)
        slope = tape.gradient(mean, logits)
        assert np.isfinite(slope).all()
        assert np.all(slope >= 0)


@pytest.mark.parametrize("kind", [Gaussian, Laplace])
def test_the_shared_scale_learns_the_spread(kind: Any) -> None:
    likelihood = kind(scale=1.0, scale_mode="shared")
    assert len(likelihood.trainable_variables) == 1
    x, best = tf.constant([[1.0], [-2.0], [3.0]], tf.float64), np.sqrt(14 / 3) if kind is Gaussian else 2.0
    likelihood.shared_log_scale.assign(np.log(best))
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(likelihood.log_prob(x, {"mean": tf.zeros_like(x)}))
    assert abs(float(tape.gradient(value, likelihood.shared_log_scale.value))) < 1e-9
    assert kind(scale=2.0).trainable_variables == []


def test_sixteen_bits_are_widened() -> None:
    likelihood = Bernoulli(dtype="float32")
    x, logits = tf.ones([1, 5000], tf.bfloat16), tf.fill([1, 5000], tf.constant(1.0, tf.bfloat16))
    got = likelihood.log_prob(x, {"logits": logits})
    assert got.dtype == tf.float32
    # Sums in bfloat16 would be off by a tenth and more.
    np.testing.assert_allclose(got, [-5000 * np.log1p(np.exp(-1))], rtol=rounding("float32", 5000))


SETTINGS = [
    (settings_of.Bernoulli(), Bernoulli, ("logits",)),
    (settings_of.ContinuousBernoulli(), ContinuousBernoulli, ("logits",)),
    (settings_of.Gaussian(scale=0.2), Gaussian, ("mean",)),
    (settings_of.Gaussian(scale_mode="per_pixel"), Gaussian, ("mean", "log_scale")),
    (settings_of.Laplace(scale_mode="shared"), Laplace, ("mean",)),
]


@pytest.mark.parametrize(("settings", "kind", "parameters"), SETTINGS)
def test_from_settings_and_configuration_round_trip(settings: Any, kind: type, parameters: tuple[str, ...]) -> None:
    likelihood = likelihoods.from_settings(settings)
    assert type(likelihood) is kind
    assert likelihood.parameters == parameters
    assert (likelihood.support is None) == ("mean" in parameters)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(likelihood))
    assert again.get_config() == likelihood.get_config()
    values = {name: tf.constant([[0.3]], tf.float64) for name in parameters}
    np.testing.assert_array_equal(again.log_prob([[0.5]], values), likelihood.log_prob([[0.5]], values))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (dict(scale=0.0), "likelihood.scale: got 0.0"),
        (dict(scale=float("inf")), "finite"),
        (dict(scale=float("nan")), "positive finite"),
        (dict(scale_mode="per-pixel"), "did you mean per_pixel"),
    ],
)
@pytest.mark.parametrize("kind", [Gaussian, Laplace])
def test_what_is_refused(kind: Any, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        kind(**arguments)
