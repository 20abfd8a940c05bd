"""The objective of a VAE: a KL weight (beta-VAE), free bits, a capacity, and one sample or many."""

from __future__ import annotations

import math

import tensorflow as tf

from tfvae.config import Objective
from tfvae.objectives.loss import Loss, Schedule


def vae_loss(
    reconstruction: tf.Tensor,
    kl: tf.Tensor,
    schedule: Schedule,
    objective: Objective,
    log_ratio: tf.Tensor | None = None,
) -> Loss:
    """The negative weighted bound, per example, in nats.

    total = -mean_k log p(x|z_k) + w * penalty(KL), where
    penalty is the KL; with free bits sum_i max(free_bits, KL_i); with a capacity |KL - C|.
    Importance-weighted: total = -log mean_k exp(log p(x|z_k) + w log_ratio_k).

    Args:
      reconstruction: log p(x|z), `[samples, batch]`.
      kl: KL per dimension, `[batch, latent]`.
      schedule: w and C at this step.
      objective: free bits, capacity, importance weighting.
      log_ratio: log p(z) - log q(z|x), `[samples, batch]`, if there is more than one sample.

    Returns:
      `Loss` with terms elbo, reconstruction, kl `[batch]` and kl_per_dimension `[batch, latent]`, all unweighted, and
      iwae `[batch]` if `log_ratio` is given.

    Source: Kingma and Welling, arXiv:1312.6114, equation 3; Higgins et al. 2017 (w); Burgess et al., arXiv:1804.03599,
    equation 8 (C); Kingma et al., arXiv:1606.04934, equation 15 (free bits; there for the mean over a minibatch, here
    per example, so that no loss depends on how a batch is split); Burda et al., arXiv:1509.00519, equation 8.
    """
    expected = tf.reduce_mean(reconstruction, axis=0)
    total_kl = tf.reduce_sum(kl, axis=-1)
    terms = {
        "elbo": expected - total_kl,
        "reconstruction": expected,
        "kl": total_kl,
        "kl_per_dimension": kl,
    }
    if log_ratio is not None:
        terms["iwae"] = _log_mean_exp(reconstruction + log_ratio)
        if objective.importance_weighted:
            weighted = reconstruction + tf.cast(schedule["kl_weight"], log_ratio.dtype) * log_ratio
            return Loss(-_log_mean_exp(weighted), terms)
    penalty = total_kl
    if objective.free_bits > 0:
        penalty = tf.reduce_sum(tf.maximum(kl, objective.free_bits), axis=-1)
    if objective.capacity is not None:
        penalty = tf.abs(penalty - tf.cast(schedule["capacity"], kl.dtype))
    return Loss(tf.cast(schedule["kl_weight"], kl.dtype) * penalty - expected, terms)


def _log_mean_exp(values: tf.Tensor) -> tf.Tensor:
    return tf.reduce_logsumexp(values, axis=0) - math.log(values.shape[0])
