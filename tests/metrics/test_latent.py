"""Active units and the KL of the aggregate posterior, from arrays."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow_probability as tfp

from tfvae import metrics

tfd = tfp.distributions


def test_active_units_counts_variances_above_a_hundredth() -> None:
    z_mean = np.random.default_rng(0).normal([1.0, -3.0, 0.0, 5.0], [1.0, 0.05, 0.2, 0.0], (5000, 4))
    assert metrics.active_units(z_mean.mean(axis=0), np.square(z_mean).mean(axis=0)) == 2


def test_active_units_of_lists_and_of_nothing() -> None:
    assert metrics.active_units([0.0, 1.0], [0.02, 1.005]) == 1
    assert metrics.active_units(np.zeros(3), np.full(3, 0.01)) == 0


@pytest.mark.parametrize("size", [1, 2, 5])
def test_aggregate_kl_is_tfps(size: int) -> None:
    rng = np.random.default_rng(size)
    root, factor = rng.normal(size=(2, size, size))
    covariance = root @ root.T + 0.1 * np.eye(size)
    factor = np.tril(factor, -1) + np.diag(rng.uniform(0.5, 2, size))
    mean, prior_mean = rng.normal(size=(2, size))
    exact = tfd.MultivariateNormalTriL(mean, np.linalg.cholesky(covariance)).kl_divergence(
        tfd.MultivariateNormalTriL(prior_mean, factor)
    )
    assert metrics.aggregate_kl(mean, covariance, prior_mean, factor) == pytest.approx(float(exact), rel=1e-10)


def test_aggregate_kl_of_the_prior_is_zero() -> None:
    factor = np.array([[1.0, 0.0], [0.4, 0.8]])
    assert metrics.aggregate_kl(np.ones(2), factor @ factor.T, np.ones(2), factor) == pytest.approx(0, abs=1e-14)
