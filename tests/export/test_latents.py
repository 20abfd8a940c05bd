"""Latents for calibration and proof: the model's own draws, at addresses that do not meet."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conformance.table import Row
from tfvae import VAE
from tfvae.export import latents

ROW = Row("mlp", "gaussian", "correlated", "8x8x1")


@pytest.fixture(scope="module")
def vae() -> VAE:
    return ROW.build()


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    return ROW.examples(300).astype(np.float32)


def test_prior_draws_are_those_of_sample(vae: VAE) -> None:
    z = latents.prior(vae, 5, seed=3)
    assert z.dtype == np.float32
    np.testing.assert_array_equal(z, vae.sample(5, seed=3).z)
    np.testing.assert_array_equal(latents.prior(vae, 2, seed=3, first_example=3), z[3:])


def test_posterior_draws_are_those_of_predict(vae: VAE, x: np.ndarray) -> None:
    z = latents.posterior(vae, x, seed=3)
    assert z.dtype == np.float32
    np.testing.assert_allclose(z, vae.predict(x, seed=3)["z"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        latents.posterior(vae, x[290:], seed=3, first_example=290), z[290:], rtol=1e-5, atol=1e-6
    )


def test_calibration_covers_prior_tails_and_posterior(vae: VAE, x: np.ndarray) -> None:
    z = latents.calibration(vae, x, seed=3)
    assert z.shape == (2300, 2)
    assert z.dtype == np.float32
    prior, tails, posterior = z[:1000], z[1000:2000], z[2000:]
    mean, factor = vae.prior.mean.numpy(), vae.prior.scale_tril.numpy()
    for part, spread in ((prior, 1.0), (tails, 1.25)):
        np.testing.assert_allclose(part.mean(axis=0), mean, atol=5 * spread * 1.3 / np.sqrt(1000))
        np.testing.assert_allclose(np.cov(part.T), spread**2 * factor @ factor.T, atol=0.3)
    z_mean, z_log_var = vae.encode(x)
    eps = (posterior - z_mean.numpy()) / np.exp(0.5 * z_log_var.numpy())
    np.testing.assert_allclose(eps.std(axis=0), 1.0, atol=0.2)
    np.testing.assert_array_equal(latents.calibration(vae, x, seed=3), z)


def test_calibration_has_none_of_the_compared_noise(vae: VAE, x: np.ndarray) -> None:
    z = latents.calibration(vae, x, seed=3)
    for compared in (latents.prior(vae, 2000, seed=3), latents.posterior(vae, x, seed=3)):
        assert not np.isin(z[:, 0], compared[:, 0]).all()
        assert len(np.intersect1d(z[:, 0], compared[:, 0])) < 3  # of 2,000 float32 numbers two may agree
