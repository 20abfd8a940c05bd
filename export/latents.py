"""Latents on which files are calibrated and compared: from the prior and from the posterior, each at its address."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfvae.latent import noise
from tfvae.models.vae import VAE

# Where calibration's noise begins: past the examples that are ever compared.
CALIBRATION = 2**32
_PRIOR, _SPREAD, _BATCH = 1000, 1.25, 256


def prior(vae: VAE, count: int, seed: int, first_example: int = 0) -> np.ndarray:
    """Draws from the prior, float32 `[count, latent]`: those of `vae.sample` at the same seed."""
    return vae.prior.sample(noise.Address(seed, noise.PRIOR, first_example=first_example), count).numpy()


def posterior(vae: VAE, x: np.ndarray, seed: int, first_example: int = 0) -> np.ndarray:
    """One draw from q(z|x) for each example, float32 `[n, latent]`: z = z_mean + exp(z_log_var / 2) eps, purpose 2.

    Args:
      vae: under a float32 policy.
      x: `[n, *event]`, model units.
      seed: key of the noise.
      first_example: where the noise of the first example lies.
    """
    encode = tf.function(vae.encode, reduce_retracing=True)
    rows = []
    for first in range(0, len(x), _BATCH):
        z_mean, z_log_var = encode(x[first : first + _BATCH])
        address = noise.Address(seed, noise.EVALUATION, first_example=first_example + first)
        eps = noise.normal(address, tf.shape(z_mean))[0]
        rows.append((z_mean + tf.exp(0.5 * z_log_var) * eps).numpy())
    return np.concatenate(rows)


def calibration(vae: VAE, x: np.ndarray, seed: int) -> np.ndarray:
    """Latents from which the ranges of int8 activations are taken, float32 `[2000 + n, latent]`.

    A thousand draws from the prior, a thousand more spread wider about its mean to cover the tails, and one from the
    posterior of each example; no noise of theirs is that of a comparison under the same seed.

    Args:
      vae: under a float32 policy.
      x: training examples, `[n, *event]`, model units.
      seed: key of the noise.
    """
    center = np.asarray(vae.prior.mean)
    draws = prior(vae, 2 * _PRIOR, seed, CALIBRATION)
    tails = center + _SPREAD * (draws[_PRIOR:] - center)
    return np.concatenate([draws[:_PRIOR], tails, posterior(vae, x, seed, CALIBRATION)]).astype(np.float32)
