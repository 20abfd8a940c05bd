"""What a trained VAE suffers from, in words, each with the number that says so and what to try."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tfvae.metrics import aggregate_kl


class Evidence(NamedTuple):
    """What the diagnosis looks at.

    Attributes:
      z_mean: `[n, latent]`, of test examples.
      z_log_var: `[n, latent]`.
      active_units: dimensions in use.
      kl: mean KL on the test, nats.
      data_variance: mean over values of the variance over test examples, model units squared.
      squared_error: mean squared error of the reconstruction, model units squared.
      sample_variance: as `data_variance`, of samples from the prior: draws of a real-valued likelihood, else means.
      train_elbo: mean training ELBO of the best epoch, nats.
      test_elbo: mean test ELBO, nats.
      prior_mean: `[latent]`.
      prior_scale_tril: `[latent, latent]`.
      kl_weight: final weight.
    """

    z_mean: np.ndarray
    z_log_var: np.ndarray
    active_units: int
    kl: float
    data_variance: float
    squared_error: float
    sample_variance: float
    train_elbo: float
    test_elbo: float
    prior_mean: np.ndarray
    prior_scale_tril: np.ndarray
    kl_weight: float


class Finding(NamedTuple):
    """One thing that is wrong.

    Attributes:
      name: what it is called.
      evidence: the number that says so.
      advice: what to try.
    """

    name: str
    evidence: str
    advice: str


def diagnose(evidence: Evidence) -> list[Finding]:
    """The findings, worst first; an empty list where nothing stands out.

    The limits are rules of thumb, chosen on the presets of this package: a finding is a place to look, not a verdict.
    """
    checks = (_collapse, _poor_reconstruction, _low_diversity, _over_regularised, _under_regularised, _overfitting)
    return [finding for check in checks if (finding := check(evidence)) is not None]


def _collapse(e: Evidence) -> Finding | None:
    size = e.z_mean.shape[1]
    if e.active_units >= 0.25 * size and e.active_units > 0:
        return None
    said = (
        f"{e.active_units} of {size} latent dimensions are active (variance of z_mean above 0.01), KL {e.kl:.2f} nats"
    )
    return Finding(
        "posterior collapse",
        said,
        "objective.kl_schedule=linear or cyclical, objective.free_bits=0.1, a smaller network.latent_dim",
    )


def _poor_reconstruction(e: Evidence) -> Finding | None:
    explained = 1 - e.squared_error / max(e.data_variance, 1e-12)
    if explained >= 0.3:
        return None
    said = f"the reconstruction explains {100 * explained:.0f} % of the variance of the data"
    worse = f"the squared error of the reconstruction is {1 - explained:.2f} times that of the data's mean"
    return Finding(
        "poor reconstruction",
        said if explained >= 0 else worse,
        "more training.epochs, a larger network.latent_dim or network" + _less_weight(e),
    )


def _low_diversity(e: Evidence) -> Finding | None:
    ratio = e.sample_variance / max(e.data_variance, 1e-12)
    if ratio >= 0.3:
        return None
    return Finding(
        "low latent diversity",
        f"samples of the prior vary {100 * ratio:.0f} % as much as the data",
        "more training.epochs, objective.free_bits=0.1" + _less_weight(e),
    )


def _over_regularised(e: Evidence) -> Finding | None:
    per_dimension = e.kl / e.z_mean.shape[1]
    if e.kl_weight <= 1 or per_dimension >= 0.5:
        return None
    return Finding(
        "over-regularisation",
        f"KL is {per_dimension:.2f} nats a dimension under a weight of {e.kl_weight:g}",
        "a smaller objective.kl_weight, or objective.capacity",
    )


def _under_regularised(e: Evidence) -> Finding | None:
    mean = e.z_mean.mean(axis=0)
    covariance = np.cov(e.z_mean, rowvar=False).reshape(len(mean), -1) + np.diag(np.exp(e.z_log_var).mean(axis=0))
    gap = aggregate_kl(mean, covariance, e.prior_mean, e.prior_scale_tril) / len(mean)
    if not gap > 0.25:  # NaN where there is a single example
        return None
    return Finding(
        "under-regularisation",
        f"the encoded examples lie {gap:.2f} nats a dimension away from the prior, so that its samples miss them",
        "more training.epochs, a larger objective.kl_weight",
    )


def _overfitting(e: Evidence) -> Finding | None:
    gap = e.train_elbo - e.test_elbo
    # The ELBO of a density passes through zero, where a share of it means nothing.
    if gap <= max(0.1 * abs(e.train_elbo), 1.0):
        return None
    return Finding(
        "overfitting",
        f"the test ELBO is {gap:.2f} nats below the training ELBO of {e.train_elbo:.2f}",
        "more data, a smaller network, training.early_stopping=10",
    )


def _less_weight(e: Evidence) -> str:
    return ", a smaller objective.kl_weight" if e.kl_weight > 1 else ""
