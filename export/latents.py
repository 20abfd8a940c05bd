"""Latents from the prior and the posterior, for calibrating and comparing files."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfvae.models.vae import VAE

_DRAWN = 1000
_WIDER = 1.25

Arrays = dict[str, np.ndarray]


def prior(vae: VAE, count: int, seed: int, y: np.ndarray | None = None) -> np.ndarray:
    """Draws from the prior, float32 `[count, *latent]`: the same as `vae.sample` with this seed."""
    return np.asarray(vae.sample(count, seed=seed, y=y, details=True).z, np.float32)


def posterior(vae: VAE, x: np.ndarray, seed: int, y: np.ndarray | None = None) -> np.ndarray:
    """One draw from q(z|x) for each example, float32 `[n, *latent]`, for x `[n, *event]` in model units."""
    return np.asarray(vae.predict(x, seed=seed, y=y)["z"], np.float32)


def repeated(y: np.ndarray | None, count: int) -> np.ndarray | None:
    """The conditions of `count` latents: those of the examples, `[n, C]`, repeated cyclically."""
    return None if y is None else np.resize(y, (count, y.shape[1]))


def inputs(z: np.ndarray, y: np.ndarray | None) -> Arrays:
    """The inputs of a decoder, by name."""
    return {"z": z} if y is None else {"z": z, "y": y}


class Calibration(NamedTuple):
    """Latents that determine the ranges of int8 activations, and on which recipes are compared.

    Attributes:
      prior: `[1000, *latent]` draws from the prior.
      tails: `[1000, *latent]` more draws, 1.25 times as far from the prior's mean.
      posterior: `[n, *latent]` one draw for each example.
      y: the conditions of the three, each `[n, C]`; None for a model without a condition.
    """

    prior: np.ndarray
    tails: np.ndarray
    posterior: np.ndarray
    y: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    @property
    def sets(self) -> list[Arrays]:
        """The inputs of the decoder for each of the three."""
        conditions = self.y or (None, None, None)
        return [inputs(z, y) for z, y in zip((self.prior, self.tails, self.posterior), conditions)]

    @property
    def all(self) -> Arrays:
        """The inputs of the decoder for all three, concatenated."""
        sets = self.sets
        return {name: np.concatenate([arrays[name] for arrays in sets]) for name in sets[0]}


def calibration(vae: VAE, x: np.ndarray, seed: int, y: np.ndarray | None = None) -> Calibration:
    """Latents of the prior, beyond it, and of the posterior of x.

    Args:
      vae: under a float32 policy.
      x: training examples, `[n, *event]`, model units.
      seed: of the noise; differs from the proof's, so that no file is verified on the latents it was calibrated on.
      y: conditions of the examples, `[n, C]`; also used for the prior's latents.
    """
    conditions = repeated(y, 2 * _DRAWN)
    draws = prior(vae, 2 * _DRAWN, seed, conditions)
    center = _center(vae, draws, conditions)[_DRAWN:]
    tails = (center + _WIDER * (draws[_DRAWN:] - center)).astype(np.float32)
    drawn = posterior(vae, x, seed, y)
    if conditions is None or y is None:
        return Calibration(draws[:_DRAWN], tails, drawn)
    return Calibration(draws[:_DRAWN], tails, drawn, (conditions[:_DRAWN], conditions[_DRAWN:], y))


def _center(vae: VAE, draws: np.ndarray, y: np.ndarray | None) -> np.ndarray:
    """The centre of the prior: z for zero noise."""
    shape = vae.prior.noise_shape
    if shape is None:
        return np.broadcast_to(draws.mean(axis=0), draws.shape)
    return np.asarray(vae.prior.from_noise(tf.zeros([len(draws), *shape]), y))
