"""Gaussian and Laplace likelihoods: a mean, and a scale that is fixed, trained, or a decoder output."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.config import nearest
from tfvae.errors import UserError
from tfvae.likelihoods.base import Likelihood, Parameters

SCALE_MODES = ("fixed", "shared", "per_pixel")


class _LocationScale(Likelihood):
    """A density of (x - mean) / scale, with a scale that is fixed, trained and shared, or a decoder output.

    Args:
      scale: the fixed scale in model units, or its initial value in training.
      scale_mode: `fixed`, `shared` (one trained number) or `per_pixel` (decoder output `log_scale`, added to
        log(scale)).
    """

    support = None

    def __init__(self, scale: float = 1.0, scale_mode: str = "fixed", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 < scale < math.inf:
            raise UserError(f"likelihood.scale: got {scale}, expected a positive finite number.")
        if scale_mode not in SCALE_MODES:
            hint = nearest(scale_mode, SCALE_MODES)
            raise UserError(
                f"likelihood.scale_mode: got {scale_mode!r}{hint}, expected one of {', '.join(SCALE_MODES)}."
            )
        self.scale, self.scale_mode = float(scale), scale_mode
        self.parameters = ("mean", "log_scale") if scale_mode == "per_pixel" else ("mean",)
        self.shared_log_scale = None
        if scale_mode == "shared":
            # Not Keras's Constant initialiser, which rounds to float32.
            start = np.log(np.float64(scale))
            self.shared_log_scale = self.add_weight(
                shape=(), initializer=lambda shape, dtype: keras.ops.cast(start, dtype), name="log_scale"
            )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale, "scale_mode": self.scale_mode}

    def _log_scale(self, parameters: Parameters) -> tf.Tensor:
        if self.scale_mode == "per_pixel":
            return parameters["log_scale"] + math.log(self.scale)
        if self.shared_log_scale is not None:
            return tf.convert_to_tensor(self.shared_log_scale)
        return tf.constant(math.log(self.scale), self.variable_dtype)

    def _mean(self, parameters: Parameters) -> tf.Tensor:
        return parameters["mean"]

    def _standardised(self, x: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        return (x - parameters["mean"]) * tf.exp(-self._log_scale(parameters))

    def _from_uniform(self, parameters: Parameters, u: tf.Tensor) -> tf.Tensor:
        return parameters["mean"] + tf.exp(self._log_scale(parameters)) * self._quantile(u)

    def _quantile(self, u: tf.Tensor) -> tf.Tensor:
        raise NotImplementedError(f"{type(self).__name__} must define _quantile.")


@keras.saving.register_keras_serializable(package="tfvae")
class Gaussian(_LocationScale):
    """N(mean, scale^2): log p = -((x - mean) / scale)^2 / 2 - log scale - log(2 pi) / 2.

    With scale 1/sqrt(2) this is the squared error plus a constant: the `mse` of other packages, in nats.

    Source: Rybkin et al., Simple and effective VAE training with calibrated decoders, arXiv:2006.13202 (shared scale).
    """

    def _log_density(self, x: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        constant = self._log_scale(parameters) + 0.5 * math.log(2 * math.pi)
        return -0.5 * tf.square(self._standardised(x, parameters)) - constant

    def _quantile(self, u: tf.Tensor) -> tf.Tensor:
        return tf.math.ndtri(u)


@keras.saving.register_keras_serializable(package="tfvae")
class Laplace(_LocationScale):
    """Laplace(mean, scale): log p = -|x - mean| / scale - log(2 scale)."""

    def _log_density(self, x: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        return -tf.abs(self._standardised(x, parameters)) - self._log_scale(parameters) - math.log(2.0)

    def _quantile(self, u: tf.Tensor) -> tf.Tensor:
        return -tf.sign(u - 0.5) * tf.math.log1p(-2.0 * tf.abs(u - 0.5))
