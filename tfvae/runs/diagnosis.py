"""Common problems of a trained model, each with the figure that shows it and advice."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfvae.data import views
from tfvae.data.splits import DataSet
from tfvae.metrics import aggregate_kl
from tfvae.models.capabilities import capabilities, gaussian_prior

Evidence = Mapping[str, float]
_TEST_EXAMPLES = 2000
_SAMPLES = 500
# With fewer, the variances that the checks divide by are mostly chance, and of one example they are 0.
_FEWEST = 10
# Test examples that are all alike: a ratio to their variance has no meaning.
_NO_VARIANCE = 1e-12


class Finding(NamedTuple):
    """One problem.

    Attributes:
      name: of the problem.
      evidence: the figure that shows it, as text.
      advice: what to try.
    """

    name: str
    evidence: str
    advice: str


def diagnose(evidence: Evidence) -> list[Finding]:
    """The findings, worst first; an empty list if there are none.

    Each check names the figures that it needs as parameters, and is skipped if one is missing. The limits are rules of
    thumb, chosen on the presets of this package: a finding is a place to look, not a proof.

    With few test examples the only finding is that there are too few.

    Args:
      evidence: the result of `gather`.
    """
    if evidence.get("test_examples", _FEWEST) < _FEWEST:
        return [_few(evidence["test_examples"])]
    findings = []
    for check in (
        _collapse,
        _poor_reconstruction,
        _low_diversity,
        _over_regularised,
        _under_regularised,
        _overfitting,
    ):
        arguments = inspect.signature(check).parameters
        if all(name in evidence or argument.default != argument.empty for name, argument in arguments.items()):
            finding = check(**{name: evidence[name] for name in arguments if name in evidence})
            findings += [] if finding is None else [finding]
    return findings


def gather(model: Any, data: DataSet, test: Mapping[str, Any], best: Mapping[str, Any]) -> Evidence:
    """The figures that the checks need, those that the model has.

    Args:
      model: trained, with its best weights.
      data: its data set; the first test examples are encoded.
      test: the summarised terms of the test split.
      best: the summarised training terms of the best epoch.

    Returns:
      `test_examples`, those looked at; with few of them nothing else but `latent_dim`; `kl_weight`, the final one;
      `active_units`; `kl`, mean of the test split, nats; `squared_error_per_value` of the reconstruction, and
      `data_variance` and `sample_variance`, means over values of
      the variance over test examples and over samples of the prior (draws of a real-valued likelihood, else means),
      model units squared; `train_elbo` and `test_elbo`, nats; `aggregate_kl`, from the Gaussian of the encoded
      examples' moments to the prior, nats per dimension.
    """
    able = capabilities(model, data)
    view = views.first(data, "test", _TEST_EXAMPLES, condition=model.condition)
    evidence = {"test_examples": len(view), "latent_dim": model.latent_dim}
    if len(view) < _FEWEST:
        return {name: float(value) for name, value in evidence.items()}
    evidence["data_variance"] = view.x.var(axis=0).mean()
    evidence |= {f"{part}_elbo": terms["elbo"] for part, terms in (("train", best), ("test", test)) if "elbo" in terms}
    evidence |= {name: test[name] for name in ("active_units", "kl", "squared_error_per_value") if name in test}
    evidence |= {name: value for name, value in model.schedule().items() if name == "kl_weight"}
    if "sampling" in able:
        evidence["sample_variance"] = _sample_variance(model, view)
    if {"vector latents", "diagonal posterior", "gaussian prior"} <= able:
        evidence["aggregate_kl"] = _aggregate_kl(model, view)
    return {name: float(value) for name, value in evidence.items()}


def aggregate_gap(z_mean: np.ndarray, z_log_var: np.ndarray, prior_mean: np.ndarray, scale_tril: np.ndarray) -> float:
    """`metrics.aggregate_kl` of the aggregate posterior's moments, nats per dimension; NaN for a single example.

    Args:
      z_mean: `[n, latent]`.
      z_log_var: `[n, latent]`.
      prior_mean: `[latent]`.
      scale_tril: `[latent, latent]`.
    """
    mean = z_mean.mean(axis=0)
    covariance = np.cov(z_mean, rowvar=False).reshape(len(mean), -1) + np.diag(np.exp(z_log_var).mean(axis=0))
    return aggregate_kl(mean, covariance, prior_mean, scale_tril) / len(mean)


def _sample_variance(model: Any, view: views.View) -> float:
    # The spread of a Gaussian is part of its samples; the spread of a Bernoulli on grey levels is not.
    drawn = model.likelihood.support is None
    y = views.sampled_condition(view, model.condition, _SAMPLES)
    samples = model.scaling.forward(model.sample(_SAMPLES, seed=0, y=y, draw=drawn))
    return float(samples.var(axis=0).mean())


def _aggregate_kl(model: Any, view: views.View) -> float:
    y = None if model.condition_size is None else tf.constant(view.y)
    values = model.predict(view.x, seed=0, y=y)
    density = model.posterior.density({name: tf.constant(value) for name, value in values.items() if name != "seed"})
    prior = gaussian_prior(model)
    return aggregate_gap(density.mean.numpy(), density.log_var.numpy(), prior.mean.numpy(), prior.scale_tril.numpy())


def _few(test_examples: float) -> Finding:
    count = f"{test_examples:.0f} test example{'s' * (test_examples != 1)}"
    return Finding(
        "too few test examples",
        f"with {count} the figures above are mostly chance; the diagnosis needs at least {_FEWEST}",
        "more data, a larger data.test_fraction",
    )


def _collapse(active_units: float, latent_dim: float, kl: float) -> Finding | None:
    if active_units >= 0.25 * latent_dim and active_units > 0:
        return None
    return Finding(
        "posterior collapse",
        f"{active_units:.0f} of {latent_dim:.0f} latent dimensions are active (variance of z_mean above 0.01), "
        f"KL {kl:.2f} nats",
        "objective.kl_schedule=linear or cyclical, objective.free_bits=0.1, a smaller network.latent_dim",
    )


def _poor_reconstruction(
    squared_error_per_value: float, data_variance: float, kl_weight: float = 1.0
) -> Finding | None:
    if data_variance <= _NO_VARIANCE:
        return None
    explained = 1 - squared_error_per_value / data_variance
    if explained >= 0.3:
        return None
    share = f"the reconstruction explains {100 * explained:.0f} % of the variance of the data"
    worse = f"the squared error of the reconstruction is {1 - explained:.2f} times the error of predicting the mean"
    return Finding(
        "poor reconstruction",
        share if explained >= 0 else worse,
        "more training.epochs, a larger network.latent_dim or network" + _less_weight(kl_weight),
    )


def _low_diversity(sample_variance: float, data_variance: float, kl_weight: float = 1.0) -> Finding | None:
    ratio = sample_variance / data_variance if data_variance > _NO_VARIANCE else 1.0
    if ratio >= 0.3:
        return None
    return Finding(
        "low latent diversity",
        f"samples of the prior vary {100 * ratio:.0f} % as much as the data",
        "more training.epochs, objective.free_bits=0.1" + _less_weight(kl_weight),
    )


def _over_regularised(kl: float, latent_dim: float, kl_weight: float) -> Finding | None:
    per_dimension = kl / latent_dim
    if kl_weight <= 1 or per_dimension >= 0.5:
        return None
    return Finding(
        "over-regularisation",
        f"KL is {per_dimension:.2f} nats per dimension with a weight of {kl_weight:g}",
        "a smaller objective.kl_weight, or objective.capacity",
    )


def _under_regularised(aggregate_kl: float) -> Finding | None:
    if not aggregate_kl > 0.25:  # also for NaN, the value of a single example
        return None
    return Finding(
        "under-regularisation",
        f"the encoded examples are {aggregate_kl:.2f} nats per dimension away from the prior, so its samples miss them",
        "more training.epochs, a larger objective.kl_weight",
    )


def _overfitting(train_elbo: float, test_elbo: float) -> Finding | None:
    gap = train_elbo - test_elbo
    # The ELBO of a density can be near zero, where a relative gap has no meaning.
    if gap <= max(0.1 * abs(train_elbo), 1.0):
        return None
    return Finding(
        "overfitting",
        f"the test ELBO is {gap:.2f} nats below the training ELBO of {train_elbo:.2f}",
        "more data, a smaller network, training.early_stopping=10",
    )


def _less_weight(kl_weight: float) -> str:
    return ", a smaller objective.kl_weight" if kl_weight > 1 else ""
