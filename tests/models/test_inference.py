"""Calls over many examples: padding, batches, and the importance-weighted bound compared with an exact likelihood."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from scipy import stats

from tfvae import VAE, CorrelatedNormal, Gaussian, UserError
from tfvae.models import inference

LATENT, FEATURES, SCALE = 2, 4, 0.6
COVARIANCE = np.array([[1.0, 0.4], [0.4, 0.8]])


def linear_gaussian(widen: float = 1.0) -> tuple[VAE, np.ndarray, np.ndarray]:
    """p(z) = N(0, C), p(x|z) = N(W z + b, s^2), a rough linear encoder; with log p(x) exact for eight examples."""
    rng = np.random.default_rng(0)
    weights, bias = rng.normal(size=(LATENT, FEATURES)), rng.normal(size=FEATURES)
    precision = np.linalg.inv(COVARIANCE) + weights @ weights.T / SCALE**2
    posterior = np.linalg.inv(precision)
    gain = posterior @ weights / SCALE**2
    x = keras.Input((FEATURES,))
    z = keras.Input((LATENT,))
    z_mean, z_log_var = keras.layers.Dense(LATENT, name="z_mean"), keras.layers.Dense(LATENT, name="z_log_var")
    mean = keras.layers.Dense(FEATURES, name="mean")
    encoder = keras.Model(x, [z_mean(x), z_log_var(x)], name="encoder")
    decoder = keras.Model(z, mean(z), name="decoder")
    z_mean.set_weights([gain.T, -gain @ bias])
    z_log_var.set_weights([np.zeros((FEATURES, LATENT)), np.log(widen * np.diag(posterior))])
    mean.set_weights([weights, bias])
    prior = CorrelatedNormal(LATENT, covariance=COVARIANCE)
    vae = VAE(encoder, decoder, prior, Gaussian(scale=SCALE))
    marginal = stats.multivariate_normal(bias, weights.T @ COVARIANCE @ weights + SCALE**2 * np.eye(FEATURES))
    examples = marginal.rvs(8, random_state=1)
    return vae, examples, marginal.logpdf(examples)


@pytest.mark.usefixtures("float64")
def test_log_likelihood_is_the_exact_one_within_its_standard_error() -> None:
    vae, x, exact = linear_gaussian(widen=1.5)
    got = vae.log_likelihood(x, samples=5000, seed=0)
    assert (got.samples, got.seed) == (5000, 0)
    assert np.all(got.standard_error < 0.1)
    assert np.all(np.abs(got.log_likelihood - exact) < 4.5 * got.standard_error)
    assert got.mean == pytest.approx(got.log_likelihood.mean())
    assert got.mean_standard_error == pytest.approx(exact.std(ddof=1) / np.sqrt(8), rel=0.05)
    assert np.all(vae.elbo(x, seed=0).elbo.mean() < exact.mean())


@pytest.mark.usefixtures("float64")
def test_the_standard_error_is_the_spread_over_seeds() -> None:
    vae, x, exact = linear_gaussian(widen=1.5)
    repeats = [vae.log_likelihood(x, samples=200, seed=seed) for seed in range(40)]
    said = np.mean([result.standard_error for result in repeats])
    spread = np.std([result.log_likelihood for result in repeats], axis=0, ddof=1).mean()
    assert said == pytest.approx(spread, rel=0.25)
    off = [(result.log_likelihood - exact) / result.standard_error for result in repeats]
    assert 0.9 < np.mean(np.abs(off) < 2) <= 1


@pytest.mark.usefixtures("float64")
def test_blocks_of_samples_are_one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    vae, x, _ = linear_gaussian()
    whole = vae.log_likelihood(x, samples=50, seed=3)
    monkeypatch.setattr(inference, "_MOST_DECODED", 3 * len(x))  # blocks of 3, the last of 2
    blocks = vae.log_likelihood(x, samples=50, seed=3)
    np.testing.assert_allclose(blocks.log_likelihood, whole.log_likelihood, rtol=1e-12)
    np.testing.assert_allclose(blocks.standard_error, whole.standard_error, rtol=1e-9)
    batches = vae.log_likelihood(x, samples=50, seed=3, batch_size=3)
    np.testing.assert_allclose(batches.log_likelihood, whole.log_likelihood, rtol=1e-12)


@pytest.mark.usefixtures("float64")
def test_one_sample_is_an_elbo_without_an_error() -> None:
    vae, x, exact = linear_gaussian()
    got = vae.log_likelihood(x, samples=1, seed=3)
    assert np.isnan(got.standard_error).all()
    assert np.isfinite(got.log_likelihood).all()
    bounds = [vae.log_likelihood(x, samples=k, seed=3).log_likelihood.mean() for k in (1, 10, 1000)]
    assert bounds[0] < bounds[1] < bounds[2] + 0.01
    assert bounds[2] == pytest.approx(exact.mean(), abs=0.02)


@pytest.mark.parametrize("samples", [2.5, 0, -1, 2**16 + 1])
def test_a_number_of_samples_without_addresses_is_refused(samples: int) -> None:
    vae, x, _ = linear_gaussian()
    with pytest.raises(UserError, match=f"samples: got {samples}"):
        vae.log_likelihood(x, samples=samples)


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_batched_joins_without_the_padding(batch_size: int) -> None:
    seen: list[int] = []

    def function(values: Any, seed: Any, first: Any) -> Any:
        seen.append(len(values["x"]))
        return {"twice": 2 * values["x"], "first": first + 0 * values["x"][:, 0]}

    x = np.arange(14).reshape(7, 2)
    got = inference.batched(function, {"x": x}, 7, 0, batch_size)
    np.testing.assert_array_equal(got["twice"], 2 * x)
    size = min(batch_size, 7)
    np.testing.assert_array_equal(got["first"], np.arange(7) // size * size)
    assert set(seen) == {size}


def test_no_example_gives_no_result() -> None:
    vae, x, _ = linear_gaussian()
    assert vae.elbo(x[:0], seed=0).kl_per_dimension.shape == (0, LATENT)
    assert vae.predict(x[:0])["reconstruction"].shape == (0, FEATURES)
    assert vae.log_likelihood(x[:0], samples=3).log_likelihood.shape == (0,)
    assert vae.sample(0, seed=0).shape == (0, FEATURES)
    with pytest.raises(UserError, match="evaluate: got no examples"):
        vae.evaluate(x[:0])


def test_nan_in_one_example_stays_there() -> None:
    vae, x, _ = linear_gaussian()
    x[3, 1] = np.nan
    good = [True] * 3 + [False] + [True] * 4
    assert np.isfinite(vae.elbo(x, seed=0).elbo).tolist() == good
    got = vae.log_likelihood(x, samples=20, seed=0)
    assert np.isfinite(got.log_likelihood).tolist() == good
    assert np.isfinite(got.standard_error).tolist() == good
