"""The Bernoulli likelihood, in logits."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfvae.likelihoods.base import Likelihood, Parameters


@keras.saving.register_keras_serializable(package="tfvae")
class Bernoulli(Likelihood):
    """Bernoulli with logits l: log p = x l - softplus(l).

    For grey levels in (0, 1) this is the usual cross-entropy, which is not a normalised density of x: compare it only
    with results computed the same way, or binarise the data, or use the continuous Bernoulli.
    """

    def _log_density(self, x: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        return x * parameters["logits"] - tf.math.softplus(parameters["logits"])

    def _mean(self, parameters: Parameters) -> tf.Tensor:
        return tf.sigmoid(parameters["logits"])

    def _from_uniform(self, parameters: Parameters, u: tf.Tensor) -> tf.Tensor:
        return tf.cast(u < tf.sigmoid(parameters["logits"]), u.dtype)
