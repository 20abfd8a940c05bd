"""The priors: densities, draws, settings, what they refuse."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tests.tolerance import rounding
from tfvae import CorrelatedNormal, DiagonalNormal, StandardNormal, UserError, config, noise
from tfvae.latent import priors

MEAN, COVARIANCE = [0.5, -1.0], [[2.0, 0.6], [0.6, 0.5]]
VARIANCE = [2.0, 0.5]
ADDRESS = noise.Address(seed=3, purpose=noise.PRIOR)


def correlated(**kwargs: Any) -> CorrelatedNormal:
    return CorrelatedNormal(2, MEAN, COVARIANCE, dtype="float64", **kwargs)


def diagonal(**kwargs: Any) -> DiagonalNormal:
    return DiagonalNormal(2, MEAN, VARIANCE, dtype="float64", **kwargs)


@pytest.mark.parametrize("shape", [(2,), (5, 2), (3, 4, 2)])
def test_log_prob_is_scipys(shape: tuple[int, ...]) -> None:
    z = np.random.default_rng(0).normal(size=shape)
    for prior, exact in (
        (correlated(), stats.multivariate_normal(MEAN, COVARIANCE)),
        (diagonal(), stats.multivariate_normal(MEAN, np.diag(VARIANCE))),
        (StandardNormal(2, dtype="float64"), stats.multivariate_normal(np.zeros(2), np.eye(2))),
    ):
        np.testing.assert_allclose(prior.log_prob(tf.constant(z)), exact.logpdf(z), rtol=1e-12)


def test_mean_and_factor_are_those_given() -> None:
    prior = correlated()
    np.testing.assert_allclose(prior.mean, MEAN)
    factor = prior.scale_tril.numpy()
    np.testing.assert_allclose(factor @ factor.T, COVARIANCE, rtol=1e-12)
    np.testing.assert_array_equal(np.triu(factor, 1), 0)
    np.testing.assert_allclose(prior.log_diagonal, np.log(np.diag(factor)), rtol=1e-12)
    np.testing.assert_array_equal(StandardNormal(2).mean, np.zeros(2))
    np.testing.assert_array_equal(StandardNormal(2).scale_tril, np.eye(2))


def test_mean_and_scale_of_the_diagonal_prior_are_those_given() -> None:
    prior = diagonal()
    np.testing.assert_array_equal(prior.mean, MEAN)
    np.testing.assert_allclose(prior.scale, np.sqrt(VARIANCE), rtol=rounding("float64"))
    np.testing.assert_allclose(prior.scale_tril, np.diag(np.sqrt(VARIANCE)), rtol=rounding("float64"))
    np.testing.assert_array_equal(DiagonalNormal(2).mean, np.zeros(2))
    np.testing.assert_array_equal(DiagonalNormal(2).scale, np.ones(2))


@pytest.mark.parametrize(
    ("prior", "covariance"), [(correlated(), COVARIANCE), (diagonal(), np.diag(VARIANCE))], ids=["full", "diagonal"]
)
def test_draws_have_the_moments_of_the_prior(prior: Any, covariance: Any) -> None:
    count = 100_000
    z = prior.sample(ADDRESS, count).numpy()
    error = np.sqrt(np.diag(covariance) / count)
    assert np.all(np.abs(z.mean(axis=0) - MEAN) < 4.5 * error)
    np.testing.assert_allclose(np.cov(z.T), covariance, atol=4.5 * 2.0 * np.sqrt(2 / count))


@pytest.mark.parametrize("make", [StandardNormal, DiagonalNormal, CorrelatedNormal])
def test_a_draw_lies_at_its_index(make: Any) -> None:
    whole = make(3).sample(ADDRESS, 6)
    assert whole.dtype == tf.float32
    np.testing.assert_array_equal(make(3).sample(ADDRESS._replace(first_example=4), 2), whole[4:])
    np.testing.assert_array_equal(make(3).sample(ADDRESS, 6), whole)


@pytest.mark.parametrize("trainable", [False, True])
@pytest.mark.parametrize("make", [correlated, diagonal])
def test_what_is_trained(make: Any, trainable: bool) -> None:
    prior = make(trainable=trainable)
    assert len(prior.trainable_variables) == (2 if trainable else 0)
    assert len(prior.variables) == 2
    assert StandardNormal(2).variables == []


def test_no_step_leaves_the_positive_definite_matrices() -> None:
    prior = correlated(trainable=True)
    prior.raw_scale.assign([[-30.0, 7.0], [5.0, -1.0]])
    factor = prior.scale_tril.numpy()
    assert np.all(np.diag(factor) > 0)
    assert factor[0, 1] == 0
    assert np.isfinite(prior.log_prob(tf.zeros([1, 2], tf.float64))).all()


@pytest.mark.parametrize(
    "prior",
    [StandardNormal(2), diagonal(), diagonal(trainable=True), correlated(), correlated(trainable=True)],
)
def test_configuration_round_trip(prior: Any) -> None:
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(prior))
    assert again.get_config() == prior.get_config()
    assert len(again.trainable_variables) == len(prior.trainable_variables)
    np.testing.assert_array_equal(again.sample(ADDRESS, 3), prior.sample(ADDRESS, 3))


def test_precision_is_that_of_the_policys_variables() -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        for prior in (StandardNormal(2), DiagonalNormal(2), CorrelatedNormal(2)):
            assert prior.sample(ADDRESS, 1).dtype == prior.scale_tril.dtype == tf.float32
    finally:
        keras.config.set_dtype_policy(before)


@pytest.mark.parametrize(
    ("settings", "kind", "trained"),
    [
        (dict(), StandardNormal, 0),
        (dict(mean=None, trainable=False), StandardNormal, 0),
        (dict(covariance=[[1.0, 0.4], [0.4, 1.0]]), CorrelatedNormal, 0),
        (dict(mean=[0.0, 1.0]), CorrelatedNormal, 0),
        (dict(name="correlated"), CorrelatedNormal, 0),
        (dict(trainable=True), CorrelatedNormal, 2),
        (dict(name="diagonal"), DiagonalNormal, 0),
        (dict(name="diagonal", mean=[0.0, 1.0], trainable=True), DiagonalNormal, 2),
        (dict(variance=[0.5, 2.0]), DiagonalNormal, 0),
        (dict(mean=[0.0, 1.0], variance=[0.5, 2.0], trainable=True), DiagonalNormal, 2),
    ],
)
def test_from_settings(settings: dict[str, Any], kind: type, trained: int) -> None:
    prior = priors.from_settings(config.from_dict(config.Prior, settings), (2,))
    assert type(prior) is kind
    assert len(prior.trainable_variables) == trained
    if "covariance" in settings:
        covariance = prior.scale_tril @ tf.transpose(prior.scale_tril)
        np.testing.assert_allclose(covariance, settings["covariance"], rtol=rounding("float32", 2))
    if "variance" in settings:
        np.testing.assert_allclose(prior.scale**2, settings["variance"], rtol=rounding("float32"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            dict(name="diagonal", covariance=((1.0, 0.0), (0.0, 1.0))),
            "covariance: is a setting of correlated, not of diagonal",
        ),
        (
            dict(variance=(1.0, 1.0), covariance=((1.0, 0.0), (0.0, 1.0))),
            "covariance: is a setting of correlated, not of diagonal",
        ),
        (dict(name="correlated", variance=(1.0, 1.0)), "variance: is a setting of diagonal, not of correlated"),
    ],
)
def test_settings_of_another_prior_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        config.from_dict(config.Prior, settings)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (dict(covariance=[[1.0, 2.0], [2.0, 1.0]]), "smallest eigenvalue of -1, want a positive definite"),
        (dict(covariance=[[1.0, 1.0], [1.0, 1.0]]), "positive definite"),
        (dict(covariance=[[1.0, 0.5], [0.2, 1.0]]), "symmetric"),
        (dict(covariance=[[1.0]]), r"got shape \(1, 1\), want 2 x 2"),
        (dict(covariance=[[1.0, 0.0], [0.0]]), "rows of different lengths"),
        (dict(covariance=[[1.0, float("nan")], [float("nan"), 1.0]]), "finite"),
        (dict(covariance=[[float("inf"), 0.0], [0.0, 1.0]]), "finite"),
        (dict(mean=[0.0]), "want 2 numbers"),
        (dict(mean=[0.0, float("nan")]), "finite"),
    ],
)
def test_what_is_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        CorrelatedNormal(2, **arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (dict(variance=[1.0]), r"prior.variance: got shape \(1,\), want 2 numbers"),
        (dict(variance=[1.0, 0.0]), "want positive numbers"),
        (dict(variance=[1.0, float("nan")]), "finite"),
        (dict(mean=[0.0]), "want 2 numbers"),
    ],
)
def test_what_the_diagonal_prior_refuses(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        DiagonalNormal(2, **arguments)


@pytest.mark.parametrize("make", [StandardNormal, DiagonalNormal, CorrelatedNormal])
@pytest.mark.parametrize("size", [0, -1])
def test_no_dimension_is_refused(make: Any, size: int) -> None:
    with pytest.raises(UserError, match=f"latent_dim: got {size}"):
        make(size)
