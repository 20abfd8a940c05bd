"""The timed cases: shapes, priors, and the inputs of every provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfvae.latent import CorrelatedNormal, StandardNormal
from tfvae.latent.priors import Prior

FORWARD = "forward"
BOTH = "forward + backward"
MODES = (FORWARD, BOTH)


@dataclass(frozen=True)
class Case:
    """One shape and prior, float32.

    Attributes:
      shape: `[batch, …]` of z_mean.
      prior: `standard`, `correlated`, or `trained`: correlated, with its gradients.
      samples: K.
      rounds: how often each provider is called; more if a call is so short that it is mostly overhead.
      eager: also call the fused op and the plain expressions without a graph.
    """

    shape: tuple[int, ...]
    prior: str = "standard"
    samples: int = 1
    rounds: int = 30
    eager: bool = False

    @property
    def name(self) -> str:
        """The name in tables."""
        samples = f", K = {self.samples}" if self.samples > 1 else ""
        prior = "trained correlated" if self.prior == "trained" else self.prior
        return f"{prior} {list(self.shape)}{samples}"

    @property
    def elements(self) -> int:
        """Number of values of z."""
        return int(np.prod(self.shape)) * self.samples

    def bytes_to_move(self, mode: str) -> int:
        """The minimal memory traffic of any implementation.

        Forward reads mean and log_var and writes z and kl; backward reads mean, log_var, d_z and d_kl and writes
        d_mean and d_log_var.
        """
        one, z, kl = int(np.prod(self.shape)), self.elements, self.shape[0]
        forward = 2 * one + z + kl
        return 4 * (forward if mode == FORWARD else forward + 4 * one + z + kl)


CASES = (
    Case((4096, 128)),
    Case((65536, 64)),
    Case((1024, 64), "correlated"),
    Case((1024, 256), "correlated"),
    Case((1024, 64), "trained"),
    Case((128, 20), rounds=300, eager=True),
    Case((256, 16, 16, 8)),
    Case((512, 64), samples=8),
)
QUICK = (Case((256, 16)), Case((64, 16), "correlated"), Case((128, 20), eager=True))


class Inputs(NamedTuple):
    """The posterior, and the gradients of a loss with respect to z and kl."""

    mean: tf.Tensor
    log_var: tf.Tensor
    d_z: tf.Tensor
    d_kl: tf.Tensor


def inputs(case: Case) -> Inputs:
    """The same numbers in every process."""
    draw = np.random.default_rng(0)

    def normal(shape: tuple[int, ...], scale: float) -> tf.Tensor:
        return tf.constant(draw.normal(scale=scale, size=shape), tf.float32)

    shape = case.shape
    return Inputs(normal(shape, 1.0), normal(shape, 0.5), normal((case.samples, *shape), 1.0), normal(shape[:1], 1.0))


def prior(case: Case) -> Prior:
    """The prior; its parameters are variables, so that no provider can constant-fold them."""
    latent = case.shape[-1]
    if case.prior == "standard":
        return StandardNormal(latent)
    index = np.arange(latent)
    covariance = 0.5 ** np.abs(index[:, None] - index)
    return CorrelatedNormal(latent, 0.1 * np.ones(latent), covariance, trainable=case.prior == "trained")
