"""The KL of a model against TensorFlow Probability's closed form, and against its own samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import noise
from tfvae.latent import sample_and_kl

tfd = tfp.distributions
SAMPLES = 20_000


@pytest.mark.usefixtures("float64")
def test_kl_is_tfps_and_that_of_its_samples(vector_row: Any, built: Any) -> None:
    vae, x = built(vector_row), vector_row.examples(3)
    z_mean, z_log_var = vae.encode(x)
    prior = tfd.MultivariateNormalTriL(vae.prior.mean, vae.prior.scale_tril)
    exact = tfd.MultivariateNormalDiag(z_mean, tf.exp(z_log_var / 2)).kl_divergence(prior)
    np.testing.assert_allclose(vae.elbo(x, seed=1).kl, exact, rtol=1e-9)
    # Each example so many times over, rather than so many samples of it: one draw instead of thousands.
    many = tf.repeat(z_mean, SAMPLES, axis=0), tf.repeat(z_log_var, SAMPLES, axis=0)
    drawn = sample_and_kl(*many, vae.prior, noise.Address(seed=1, purpose=noise.EVALUATION), log_q=True)
    ratio = np.reshape(drawn.log_q - vae.prior.log_prob(drawn.z), [3, SAMPLES])
    error = ratio.std(axis=1, ddof=1) / np.sqrt(SAMPLES)
    assert np.all(error < 0.02)
    assert np.all(np.abs(ratio.mean(axis=1) - exact) < 4.5 * error)
