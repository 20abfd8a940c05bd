"""The Bernoulli likelihood, in logits or probabilities."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfvae.likelihoods.base import Likelihood, Parameters


@keras.saving.register_keras_serializable(package="tfvae")
class Bernoulli(Likelihood):
    """Bernoulli with logits l: log p = x l - softplus(l).

    For grey levels in (0, 1) this is the usual cross-entropy, which is not a normalised density of x: compare it only
    with results computed the same way, or binarise the data, or use the continuous Bernoulli.

    Args:
      from_logits: the decoder outputs logits, which is more exact; False: it outputs probabilities, as one that ends in
        a sigmoid does.
    """

    def __init__(self, from_logits: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.from_logits = from_logits
        if not from_logits:
            self.parameters = ("probability",)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "from_logits": self.from_logits}

    def _logits(self, parameters: Parameters) -> tf.Tensor:
        if self.from_logits:
            return parameters["logits"]
        # A float32 sigmoid is exactly 1 from logits of 17 on: the clip bounds log p where Keras's cross-entropy does.
        least = keras.backend.epsilon()
        probability = tf.clip_by_value(parameters["probability"], least, 1.0 - least)
        return tf.math.log(probability) - tf.math.log1p(-probability)

    def _log_density(self, x: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        logits = self._logits(parameters)
        return x * logits - tf.math.softplus(logits)

    def _mean(self, parameters: Parameters) -> tf.Tensor:
        return tf.sigmoid(parameters["logits"]) if self.from_logits else parameters["probability"]

    def _from_uniform(self, parameters: Parameters, u: tf.Tensor) -> tf.Tensor:
        return tf.cast(u < self._mean(parameters), u.dtype)
