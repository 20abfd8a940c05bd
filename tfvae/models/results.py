"""What the calls of a model give: plain tuples, each with the seed that made it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Samples(NamedTuple):
    """Examples made by the model.

    Attributes:
      x: `[num_samples, …]` in the user's units.
      z: `[num_samples, latent]`, draws from the prior.
      seed: draws the same again.
    """

    x: np.ndarray
    z: np.ndarray
    seed: int


class Elbo(NamedTuple):
    """The evidence lower bound of each example, in nats, from one posterior sample.

    Attributes:
      elbo: `[n]`, reconstruction - kl.
      reconstruction: `[n]`, log p(x|z).
      kl: `[n]`, KL(q(z|x) || p(z)).
      kl_per_dimension: `[n, latent]`.
      seed: draws the same again.
    """

    elbo: np.ndarray
    reconstruction: np.ndarray
    kl: np.ndarray
    kl_per_dimension: np.ndarray
    seed: int


class LogLikelihood(NamedTuple):
    """The importance-weighted bound on log p(x) of each example, in nats.

    Attributes:
      log_likelihood: `[n]`.
      standard_error: `[n]`, of the Monte Carlo estimate of each, by the delta method; NaN for one sample.
      samples: number K of importance samples.
      seed: draws the same again.
    """

    log_likelihood: np.ndarray
    standard_error: np.ndarray
    samples: int
    seed: int

    @property
    def mean(self) -> float:
        """Mean over the examples, nats an example."""
        return float(np.mean(self.log_likelihood))

    @property
    def mean_standard_error(self) -> float:
        """Standard error of that mean, over the choice of examples."""
        return float(np.std(self.log_likelihood, ddof=1) / np.sqrt(len(self.log_likelihood)))
