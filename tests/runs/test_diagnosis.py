"""`tfvae.runs.diagnosis`: each finding where its number says so, and silence where nothing does."""

from __future__ import annotations

import numpy as np
import pytest

from tfvae.runs.diagnosis import Evidence, diagnose

RNG = np.random.default_rng(0)
# Codes of variance 0.9 and posteriors of variance 0.1: the aggregate is the standard normal prior.
HEALTHY = Evidence(
    z_mean=RNG.normal(0, np.sqrt(0.9), [2000, 4]),
    z_log_var=np.full([2000, 4], np.log(0.1)),
    active_units=4,
    kl=8.0,
    data_variance=0.1,
    squared_error=0.02,
    sample_variance=0.09,
    train_elbo=-100.0,
    test_elbo=-103.0,
    prior_mean=np.zeros(4),
    prior_scale_tril=np.eye(4),
    kl_weight=1.0,
)
CASES = {
    "posterior collapse": ({"active_units": 0, "kl": 0.02}, "0 of 4 latent dimensions", "free_bits"),
    "poor reconstruction": ({"squared_error": 0.08}, "explains 20 % of the variance", "training.epochs"),
    "low latent diversity": ({"sample_variance": 0.01}, "vary 10 % as much", "objective"),
    "over-regularisation": ({"kl_weight": 8.0, "kl": 0.4}, "0.10 nats a dimension under a weight of 8", "smaller"),
    "under-regularisation": ({"z_mean": HEALTHY.z_mean + 3}, "4.5", "larger objective.kl_weight"),
    "overfitting": ({"test_elbo": -130.0}, "30.00 nats below the training ELBO of -100.00", "early_stopping"),
}


def test_nothing_stands_out():
    assert diagnose(HEALTHY) == []


@pytest.mark.parametrize("name", CASES)
def test_each_finding_with_its_number_and_advice(name):
    changes, number, advice = CASES[name]
    [finding] = diagnose(HEALTHY._replace(**changes))
    assert finding.name == name
    assert number in finding.evidence
    assert advice in finding.advice


def test_the_worst_comes_first():
    bad = HEALTHY._replace(test_elbo=-200.0, active_units=0, squared_error=1.0)
    assert [finding.name for finding in diagnose(bad)] == ["posterior collapse", "poor reconstruction", "overfitting"]


def test_half_of_the_units_is_no_collapse_and_one_of_one_neither():
    assert diagnose(HEALTHY._replace(active_units=2)) == []
    one = HEALTHY._replace(
        z_mean=HEALTHY.z_mean[:, :1], z_log_var=HEALTHY.z_log_var[:, :1], active_units=1, prior_mean=np.zeros(1)
    )
    assert diagnose(one._replace(prior_scale_tril=np.eye(1))) == []


def test_a_weight_above_one_alone_is_no_finding():
    assert diagnose(HEALTHY._replace(kl_weight=4.0)) == []


def test_the_prior_counts():
    """Codes around 3 fit a prior around 3."""
    assert diagnose(HEALTHY._replace(z_mean=HEALTHY.z_mean + 3, prior_mean=np.full(4, 3.0))) == []


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_single_example_gives_no_number_that_is_none():
    one = HEALTHY._replace(z_mean=HEALTHY.z_mean[:1], z_log_var=HEALTHY.z_log_var[:1])
    assert not any("nan" in finding.evidence for finding in diagnose(one))
