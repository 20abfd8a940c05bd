"""Latents for calibration and proof: the model's own draws, with different noise."""

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


def test_draws_are_those_of_sample_and_predict(vae: VAE, x: np.ndarray) -> None:
    z = latents.prior(vae, 5, seed=3)
    assert z.dtype == np.float32
    np.testing.assert_array_equal(z, vae.sample(5, seed=3, details=True).z)
    z = latents.posterior(vae, x, seed=3)
    assert z.dtype == np.float32
    np.testing.assert_array_equal(z, vae.predict(x, seed=3)["z"])


def test_calibration_covers_prior_tails_and_posterior(vae: VAE, x: np.ndarray) -> None:
    z = latents.calibration(vae, x, seed=3)
    assert z.all["z"].shape == (2300, 2)
    assert z.all["z"].dtype == np.float32
    mean, factor = vae.prior.mean.numpy(), vae.prior.scale_tril.numpy()
    for part, spread in ((z.prior, 1.0), (z.tails, 1.25)):
        np.testing.assert_allclose(part.mean(axis=0), mean, atol=5 * spread * 1.3 / np.sqrt(1000))
        np.testing.assert_allclose(np.cov(part.T), spread**2 * factor @ factor.T, atol=0.3)
    z_mean, z_log_var = vae.encode(x)
    eps = (z.posterior - z_mean.numpy()) / np.exp(0.5 * z_log_var.numpy())
    np.testing.assert_allclose(eps.std(axis=0), 1.0, atol=0.2)
    np.testing.assert_array_equal(latents.calibration(vae, x, seed=3).all["z"], z.all["z"])


def test_calibration_under_another_seed_has_none_of_the_compared_noise(vae: VAE, x: np.ndarray) -> None:
    z = latents.calibration(vae, x, seed=2).all["z"]
    for compared in (latents.prior(vae, 2000, seed=1), latents.posterior(vae, x, seed=1)):
        assert len(np.intersect1d(z[:, 0], compared[:, 0])) < 3  # of 2,000 float32 numbers two may agree
