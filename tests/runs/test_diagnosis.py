"""`tfvae.runs.diagnosis`: each finding if its figure shows it, and none otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from tfvae.data import views
from tfvae.runs import diagnosis
from tfvae.runs.diagnosis import aggregate_gap, diagnose

HEALTHY = {
    "test_examples": 20,
    "latent_dim": 4,
    "active_units": 4,
    "kl": 8.0,
    "data_variance": 0.1,
    "squared_error_per_value": 0.02,
    "sample_variance": 0.09,
    "train_elbo": -100.0,
    "test_elbo": -103.0,
    "aggregate_kl": 0.001,
    "kl_weight": 1.0,
}
CASES = {
    "posterior collapse": ({"active_units": 0, "kl": 0.02}, "0 of 4 latent dimensions", "free_bits"),
    "poor reconstruction": ({"squared_error_per_value": 0.08}, "explains 20 % of the variance", "training.epochs"),
    "low latent diversity": ({"sample_variance": 0.01}, "vary 10 % as much", "objective"),
    "over-regularisation": ({"kl_weight": 8.0, "kl": 0.4}, "0.10 nats per dimension with a weight of 8", "smaller"),
    "under-regularisation": ({"aggregate_kl": 4.5}, "4.50 nats per dimension away", "larger objective.kl_weight"),
    "overfitting": ({"test_elbo": -130.0}, "30.00 nats below the training ELBO of -100.00", "early_stopping"),
}


def test_nothing_stands_out():
    assert diagnose(HEALTHY) == []


@pytest.mark.parametrize("name", CASES)
def test_each_finding_with_its_number_and_advice(name):
    changes, number, advice = CASES[name]
    [finding] = diagnose({**HEALTHY, **changes})
    assert finding.name == name
    assert number in finding.evidence
    assert advice in finding.advice


def test_the_worst_comes_first():
    bad = {**HEALTHY, "test_elbo": -200.0, "active_units": 0, "squared_error_per_value": 1.0}
    assert [finding.name for finding in diagnose(bad)] == ["posterior collapse", "poor reconstruction", "overfitting"]


def test_half_of_the_units_is_no_collapse_and_one_of_one_neither():
    assert diagnose({**HEALTHY, "active_units": 2}) == []
    assert diagnose({**HEALTHY, "active_units": 1, "latent_dim": 1}) == []


def test_a_weight_above_one_alone_is_no_finding():
    assert diagnose({**HEALTHY, "kl_weight": 4.0}) == []


def test_a_check_without_its_evidence_is_left_out():
    """All findings at once; without a part of the evidence its findings disappear."""
    bad = {**HEALTHY, **{name: value for changes, *_ in CASES.values() for name, value in changes.items()}}
    names = {finding.name for finding in diagnose(bad)}
    for part, lost in {
        "kl": {"posterior collapse", "over-regularisation"},
        "sample_variance": {"low latent diversity"},
        "aggregate_kl": {"under-regularisation"},
        "test_elbo": {"overfitting"},
        "kl_weight": {"over-regularisation"},
    }.items():
        assert names - {finding.name for finding in diagnose({k: v for k, v in bad.items() if k != part})} == lost
    assert diagnose({}) == []


def test_the_gap_to_the_prior():
    """Codes of variance 0.9 and posteriors of variance 0.1 fill N(0, I); codes around 3 fit a prior around 3."""
    z_mean = np.random.default_rng(0).normal(0, np.sqrt(0.9), [2000, 4])
    z_log_var, mean, scale = np.full([2000, 4], np.log(0.1)), np.zeros(4), np.eye(4)
    assert aggregate_gap(z_mean, z_log_var, mean, scale) < 0.01
    assert aggregate_gap(z_mean + 3, z_log_var, mean, scale) == pytest.approx(4.5, abs=0.2)
    assert aggregate_gap(z_mean + 3, z_log_var, mean + 3, scale) < 0.01


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_single_example_gives_no_finding_from_a_number_that_is_none():
    gap = aggregate_gap(np.ones([1, 4]), np.zeros([1, 4]), np.zeros(4), np.eye(4))
    assert np.isnan(gap)
    assert diagnose({**HEALTHY, "aggregate_kl": gap}) == []


@pytest.mark.parametrize(("count", "said"), [(1, "with 1 test example the"), (9, "with 9 test examples the")])
def test_a_few_test_examples_give_a_sentence_and_no_figure(count, said, data_set, settings, model_for):
    data = data_set(test=count)
    vae = model_for(settings(), data)
    test = {"elbo": -20.0, "kl": 1.0, "active_units": 0, "squared_error_per_value": 0.9}
    [finding] = diagnose(diagnosis.gather(vae, data, test, {"elbo": -1.0}))
    assert finding.name == "too few test examples"
    assert finding.evidence.startswith(said)


def test_examples_that_are_all_alike_give_no_ratio():
    assert diagnose({**HEALTHY, "data_variance": 0.0, "squared_error_per_value": 0.8}) == []


def test_the_evidence_of_a_model(data_set, settings, model_for):
    data = data_set(binarize="dynamic", seed_of_run=5)
    vae = model_for(settings("objective.kl_weight=2"), data)
    test = {"elbo": -20.0, "kl": 1.0, "active_units": 2, "squared_error_per_value": 0.1, "kl_per_dimension": [0.5, 0.5]}
    evidence = diagnosis.gather(vae, data, test, {"elbo": -19.0})
    assert evidence.keys() == HEALTHY.keys()
    assert (evidence["latent_dim"], evidence["kl_weight"], evidence["train_elbo"]) == (2, 2, -19)
    assert evidence["data_variance"] == pytest.approx(views.first(data, "test").x.var(axis=0).mean(), rel=1e-6)
    z_mean, z_log_var = vae.encode(views.first(data, "test").x)
    gap = aggregate_gap(z_mean.numpy(), z_log_var.numpy(), np.zeros(2), np.eye(2))
    assert evidence["aggregate_kl"] == pytest.approx(gap, rel=1e-4)
