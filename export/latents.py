"""Latents on which files are calibrated and compared: from the prior and from the posterior."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tfvae.models.vae import VAE

_DRAWN = 1000
_WIDER = 1.25


def prior(vae: VAE, count: int, seed: int) -> np.ndarray:
    """Draws from the prior, float32 `[count, latent]`: those of `vae.sample` at the same seed."""
    return np.asarray(vae.sample(count, seed=seed).z, np.float32)


def posterior(vae: VAE, x: np.ndarray, seed: int) -> np.ndarray:
    """One draw from q(z|x) for each example, float32 `[n, latent]`, for x `[n, *event]` in model units."""
    return np.asarray(vae.predict(x, seed=seed)["z"], np.float32)


class Calibration(NamedTuple):
    """Latents from which the ranges of int8 activations are taken, and by which recipes are judged.

    Attributes:
      prior: `[1000, latent]` draws from the prior.
      tails: `[1000, latent]` more, 1.25 times as far from its mean.
      posterior: `[n, latent]` one draw for each example.
    """

    prior: np.ndarray
    tails: np.ndarray
    posterior: np.ndarray

    @property
    def all(self) -> np.ndarray:
        """The three, one after another."""
        return np.concatenate(self)


def calibration(vae: VAE, x: np.ndarray, seed: int) -> Calibration:
    """Latents of the prior, beyond it, and of the posterior of x.

    Args:
      vae: under a float32 policy.
      x: training examples, `[n, *event]`, model units.
      seed: key of the noise; of the proof another, so that no file is judged on what it was fitted to.
    """
    center, draws = np.asarray(vae.prior.mean), prior(vae, 2 * _DRAWN, seed)
    tails = center + _WIDER * (draws[_DRAWN:] - center)
    return Calibration(draws[:_DRAWN], tails.astype(np.float32), posterior(vae, x, seed))
