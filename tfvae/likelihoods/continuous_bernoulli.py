"""The continuous Bernoulli likelihood: a density on [0, 1], in logits."""

from __future__ import annotations

import math

import keras
import tensorflow as tf

from tfvae.likelihoods.base import Likelihood, Parameters


@keras.saving.register_keras_serializable(package="tfvae")
class ContinuousBernoulli(Likelihood):
    """Density on [0, 1] proportional to exp(l x): log p = x l - softplus(l) + log(l / tanh(l / 2)).

    Source: Loaiza-Ganem and Cunningham, The continuous Bernoulli, arXiv:1907.06845, equations 6 to 8, in logits.
    """

    def _log_density(self, x: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        logits = parameters["logits"]
        return x * logits - tf.math.softplus(logits) + _log_normaliser(logits)

    def _mean(self, parameters: Parameters) -> tf.Tensor:
        logits = parameters["logits"]
        small, safe = _near_zero(logits)
        series = 0.5 + logits / 12.0 - logits**3 / 720.0
        # For positive logits only, where exp cannot overflow; negative logits follow by symmetry.
        size = tf.abs(safe)
        exact = -1.0 / tf.math.expm1(-size) - 1.0 / size
        return tf.where(small, series, tf.where(safe > 0, exact, 1.0 - exact))

    def _from_uniform(self, parameters: Parameters, u: tf.Tensor) -> tf.Tensor:
        # Inverted for negative logits only, where exp cannot overflow; positive logits follow by symmetry.
        small, safe = _near_zero(parameters["logits"], 1e-6)
        negative = -tf.abs(safe)
        x = tf.math.log1p(u * tf.math.expm1(negative)) / negative
        return tf.where(small, u, tf.where(safe > 0, 1.0 - x, x))


def _near_zero(logits: tf.Tensor, limit: float = 0.1) -> tuple[tf.Tensor, tf.Tensor]:
    """Where to use a series, and logits with those values replaced by 1, so that no branch has a NaN gradient."""
    small = tf.abs(logits) < limit
    return small, tf.where(small, tf.ones_like(logits), logits)


def _log_normaliser(logits: tf.Tensor) -> tf.Tensor:
    small, safe = _near_zero(logits)
    size = tf.abs(safe)
    decay = tf.exp(-size)
    exact = tf.math.log(size) + tf.math.log1p(decay) - tf.math.log1p(-decay)
    series = math.log(2.0) + tf.square(logits) / 12.0 - 7.0 * logits**4 / 1440.0
    return tf.where(small, series, exact)
