"""The objective against formulas by hand, in float64; its settings; what the model feeds it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tfvae import VAE, UserError, noise
from tfvae.config import Objective
from tfvae.data.batch import Batch
from tfvae.latent import sample_and_kl
from tfvae.objectives.bound import vae_loss
from tfvae.objectives.loss import Schedule

RECONSTRUCTION = np.array([[-3.0, -5.0], [-4.0, -7.5]])  # [samples 2, batch 2]
KL = np.array([[0.1, 2.0, 0.5], [0.0, 0.3, 1.0]])  # [batch 2, latent 3]
LOG_RATIO = np.array([[-2.0, -1.0], [-3.5, -0.5]])


def at(kl_weight: Any = 1.0, capacity: Any = 0.0) -> Schedule:
    return {"kl_weight": kl_weight, "capacity": capacity}


FULL = at()


def loss(schedule: Schedule = FULL, log_ratio: Any = None, **objective: Any) -> Any:
    given = None if log_ratio is None else tf.constant(log_ratio)
    return vae_loss(tf.constant(RECONSTRUCTION), tf.constant(KL), schedule, Objective(**objective), given)


def test_minus_the_elbo() -> None:
    got = loss()
    np.testing.assert_allclose(got.total, [3.5 + 2.6, 6.25 + 1.3], rtol=1e-14)
    np.testing.assert_allclose(got.terms["elbo"], -got.total)
    np.testing.assert_allclose(got.terms["reconstruction"], [-3.5, -6.25])
    np.testing.assert_allclose(got.terms["kl"], [2.6, 1.3])
    np.testing.assert_array_equal(got.terms["kl_per_dimension"], KL)
    assert "iwae" not in got.terms


@pytest.mark.parametrize("weight", [0.0, 0.3, 4.0])
def test_the_weight_is_beta_and_leaves_the_terms(weight: float) -> None:
    got = loss(at(weight))
    np.testing.assert_allclose(got.total, [3.5 + weight * 2.6, 6.25 + weight * 1.3], rtol=1e-7)
    np.testing.assert_allclose(got.terms["elbo"], [-6.1, -7.55], rtol=1e-14)


def test_free_bits_are_of_each_dimension() -> None:
    got = loss(at(2.0), free_bits=0.4)
    np.testing.assert_allclose(got.total, [3.5 + 2 * (0.4 + 2.0 + 0.5), 6.25 + 2 * (0.4 + 0.4 + 1.0)], rtol=1e-14)
    np.testing.assert_allclose(got.terms["kl"], [2.6, 1.3])


def test_free_bits_stop_the_gradient_below_them() -> None:
    kl = tf.constant(KL)
    with tf.GradientTape() as tape:
        tape.watch(kl)
        total = vae_loss(tf.constant(RECONSTRUCTION), kl, at(), Objective(free_bits=0.4)).total
    np.testing.assert_array_equal(tape.gradient(total, kl), KL > 0.4)


def test_capacity_is_the_distance_from_it() -> None:
    got = loss(at(3.0, 2.0), capacity=25.0)  # the schedule's value counts, not the final one
    np.testing.assert_allclose(got.total, [3.5 + 3 * 0.6, 6.25 + 3 * 0.7], rtol=1e-14)
    np.testing.assert_allclose(loss(at(3.0, 2.0)).total, [3.5 + 3 * 2.6, 6.25 + 3 * 1.3], rtol=1e-14)


@pytest.mark.parametrize("weight", [1.0, 0.25])
def test_importance_weighted(weight: float) -> None:
    got = loss(at(weight), LOG_RATIO, num_samples=2, importance_weighted=True)
    wanted = np.log(np.mean(np.exp(RECONSTRUCTION + weight * LOG_RATIO), axis=0))
    np.testing.assert_allclose(got.total, -wanted, rtol=1e-7)
    bound = np.log(np.mean(np.exp(RECONSTRUCTION + LOG_RATIO), axis=0))
    np.testing.assert_allclose(got.terms["iwae"], bound, rtol=1e-12)


def test_several_samples_report_the_tighter_bound_and_train_on_the_average() -> None:
    got = loss(log_ratio=LOG_RATIO, num_samples=2)
    np.testing.assert_allclose(got.total, [6.1, 7.55], rtol=1e-14)
    assert np.all(got.terms["iwae"] > np.mean(RECONSTRUCTION + LOG_RATIO, axis=0))


def test_schedules_of_the_graph_do_not_change_the_dtype() -> None:
    got = loss(at(tf.constant(0.5), tf.constant(1.0)), capacity=2.0)
    assert got.total.dtype == tf.float64
    np.testing.assert_allclose(got.total, [3.5 + 0.8, 6.25 + 0.15])


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("importance_weighted", [False, True])
def test_the_models_terms_are_those_of_its_parts(importance_weighted: bool) -> None:
    vae = VAE.from_variant("micro", (8, 8, 1), 2, num_samples=3, importance_weighted=importance_weighted, kl_weight=0.5)
    x = tf.constant(np.random.default_rng(0).random((4, 8, 8, 1)))
    address = noise.Address(seed=1, purpose=noise.TRAINING, step=6)
    got = vae.loss_terms(Batch(x, None, tf.constant(8, tf.int64), tf.ones([4])), address, at(0.5))
    z_mean, z_log_var = vae.encode(x)
    drawn = sample_and_kl(z_mean, z_log_var, vae.prior, address._replace(first_example=8), samples=3, log_q=True)
    decoded = [{"logits": vae.decoder(z)} for z in drawn.z]
    reconstruction = np.stack([vae.likelihood.log_prob(x, logits) for logits in decoded])
    ratio = vae.prior.log_prob(drawn.z) - drawn.log_q
    np.testing.assert_allclose(got.terms["reconstruction"], reconstruction.mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(got.terms["kl"], drawn.kl, rtol=1e-10)
    np.testing.assert_allclose(got.terms["iwae"], np.log(np.mean(np.exp(reconstruction + ratio), axis=0)), rtol=1e-10)
    averaged = 0.5 * drawn.kl - reconstruction.mean(axis=0)
    weighted = -np.log(np.mean(np.exp(reconstruction + 0.5 * ratio), axis=0))
    np.testing.assert_allclose(got.total, weighted if importance_weighted else averaged, rtol=1e-10)


@pytest.mark.parametrize("other", [dict(free_bits=0.1), dict(capacity=5.0)])
def test_what_has_no_kl_takes_no_free_bits_and_no_capacity(other: dict[str, float]) -> None:
    with pytest.raises(UserError, match=f"importance_weighted.*{next(iter(other))}"):
        VAE.from_variant("micro", (8, 8, 1), 2, num_samples=3, importance_weighted=True, **other)
