"""The ELBO from means, compared with the model's own if nothing is clipped."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from tests.tolerance import fan_in, rounding
from tfvae.export.proof import Evidence, elbo
from tfvae.likelihoods import Bernoulli, ContinuousBernoulli, Gaussian, Laplace, Likelihood

Judged = Callable[[Likelihood], Evidence]

LIKELIHOODS = {
    "bernoulli": Bernoulli(),
    "continuous_bernoulli": ContinuousBernoulli(),
    "gaussian": Gaussian(scale=0.2),
    "gaussian_shared": Gaussian(scale=0.3, scale_mode="shared"),
    "gaussian_per_pixel": Gaussian(scale=0.3, scale_mode="per_pixel"),
    "laplace": Laplace(scale=0.3, scale_mode="per_pixel"),
}


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_from_its_own_means_the_model_has_its_own_reconstruction(name: str, judged: Judged) -> None:
    evidence = judged(LIKELIHOODS[name])
    wanted = evidence.vae.elbo(evidence.x, seed=evidence.seed).reconstruction
    means = evidence.decode(evidence.posterior_z)
    got = elbo.reconstruction(evidence.vae, evidence.x, evidence.posterior_z, means)
    # The densities of single values may have either sign; positive ones are below 2.
    values = evidence.x[0].size
    slack = rounding("float32", fan_in(evidence.vae.decoder) + values, np.abs(wanted).max() + 2 * 2 * values)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=slack)
    worse = elbo.reconstruction(evidence.vae, evidence.x, evidence.posterior_z, 1.0 - means)
    assert not np.allclose(worse, wanted, rtol=1e-3)


@pytest.mark.parametrize("name", ["bernoulli", "continuous_bernoulli"])
def test_means_of_0_and_1_are_clipped(name: str, judged: Judged) -> None:
    evidence = judged(LIKELIHOODS[name])
    ends = np.round(evidence.decode(evidence.posterior_z))
    got = elbo.reconstruction(evidence.vae, evidence.x, evidence.posterior_z, ends)
    clipped = elbo.reconstruction(evidence.vae, evidence.x, evidence.posterior_z, np.clip(ends, 1 / 512, 511 / 512))
    assert np.isfinite(got).all()
    np.testing.assert_array_equal(got, clipped)


def test_a_nan_mean_is_not_hidden(judged: Judged) -> None:
    for name in ("bernoulli", "continuous_bernoulli", "gaussian"):
        evidence = judged(LIKELIHOODS[name])
        means = np.full_like(evidence.x, np.nan)
        assert np.isnan(evidence.mean_reconstruction(means))


def test_logits_of_the_continuous_bernoulli() -> None:
    logits = np.concatenate(
        [[0.0], np.linspace(-1, 1, 201), np.geomspace(1e-9, 500, 300), -np.geomspace(1e-9, 500, 300)]
    )
    mean = ContinuousBernoulli(dtype="float64").mean({"logits": tf.constant(logits)}).numpy()
    np.testing.assert_allclose(elbo.continuous_bernoulli_logits(mean), logits, rtol=1e-6, atol=1e-6)


def test_spread_is_the_larger_of_range_and_scale(judged: Judged) -> None:
    spreads = {}
    for name, likelihood in LIKELIHOODS.items():
        evidence = judged(likelihood)
        same = np.zeros_like(evidence.x)
        spreads[name] = elbo.spread(evidence.vae, same, evidence.posterior_z)
        known = likelihood.support is not None
        assert elbo.spread(evidence.vae, 7.0 * evidence.x, evidence.posterior_z) == pytest.approx(
            1.0 if known else 7.0 * np.ptp(evidence.x)
        )
    wanted = {"bernoulli": 1.0, "continuous_bernoulli": 1.0, "gaussian": 0.2, "gaussian_shared": 0.3}
    for name, value in wanted.items():
        assert spreads[name] == pytest.approx(value, rel=rounding("float32"))
    evidence = judged(LIKELIHOODS["gaussian_per_pixel"])
    log_scale = evidence.vae.decoder(evidence.posterior_z)["log_scale"].numpy()
    wanted_spread = 0.3 * np.sqrt(np.mean(np.exp(2 * log_scale)))
    assert spreads["gaussian_per_pixel"] == pytest.approx(wanted_spread, rel=rounding("float32", log_scale.size))


def test_the_floor_is_of_densities() -> None:
    assert elbo.floor(Bernoulli(), 784) == 1.0
    assert elbo.floor(ContinuousBernoulli(), 784) == elbo.floor(Gaussian(), 784) == 392.0
