"""Likelihoods p(x|z): Keras layers that read the decoder's outputs, in nats, summed over the axes of one example.

Each names the decoder outputs that it needs (`parameters`), and its methods take them as a dictionary of tensors
`[…, *event]`: with leading axes `[batch]` or `[samples, batch]`, against x `[batch, *event]`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.config import Likelihood as Settings
from tfvae.config import from_dict, nearest
from tfvae.errors import UserError
from tfvae.latent import noise

Parameters = Mapping[str, tf.Tensor]
SCALE_MODES = ("fixed", "shared", "per_pixel")


class Likelihood(keras.layers.Layer):
    """What every likelihood is: `log_prob`, `mean` and `sample` from the decoder's outputs.

    Attributes:
      parameters: names of the decoder outputs.
      support: range of x in model units, or None where x is any number.
    """

    parameters: tuple[str, ...] = ("logits",)
    support: tuple[float, float] | None = (0.0, 1.0)

    def __init__(self, **kwargs: Any) -> None:
        # A log density summed over pixels does not fit 16 bits: float32 at least, whatever the policy.
        kwargs.setdefault("dtype", keras.config.dtype_policy().variable_dtype)
        super().__init__(**kwargs)
        self.built = True

    def log_prob(self, x: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        """log p(x|z) in nats, summed over the event: `[batch]` or `[samples, batch]`."""
        x = self._wide(x)
        event = x.shape[1:]
        wide = {name: _rows(self._wide(value), event) for name, value in parameters.items()}
        return tf.reduce_sum(self._log_density(_rows(x, event), wide), axis=-1)

    def mean(self, parameters: Parameters) -> tf.Tensor:
        """E[x|z] in model units, of the shape of the parameters."""
        return self._mean({name: self._wide(value) for name, value in parameters.items()})

    def sample(self, parameters: Parameters, address: noise.Address) -> tf.Tensor:
        """Draws x from p(x|z) for parameters `[batch, *event]`, example i at example i of the address."""
        wide = {name: self._wide(value) for name, value in parameters.items()}
        first = wide[self.parameters[0]]
        # Half an ulp away from 0 and 1, where inverse distribution functions are infinite.
        u = tf.clip_by_value(noise.uniform(address, tf.shape(first)), 2.0**-24, 1.0 - 2.0**-24)[0]
        return self._from_uniform(wide, tf.cast(u, first.dtype))

    def _wide(self, value: tf.Tensor) -> tf.Tensor:
        return tf.cast(value, self.variable_dtype)

    def _log_density(self, x: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        raise TypeError("Likelihood is the base; take Bernoulli, ContinuousBernoulli, Gaussian or Laplace.")

    def _mean(self, parameters: Parameters) -> tf.Tensor:
        raise TypeError("Likelihood is the base; take Bernoulli, ContinuousBernoulli, Gaussian or Laplace.")

    def _from_uniform(self, parameters: Parameters, u: tf.Tensor) -> tf.Tensor:
        raise TypeError("Likelihood is the base; take Bernoulli, ContinuousBernoulli, Gaussian or Laplace.")


@keras.saving.register_keras_serializable(package="tfvae")
class Bernoulli(Likelihood):
    """Bernoulli with logits l: log p = x l - softplus(l).

    On grey levels in (0, 1) this is the customary cross-entropy, which is no normalised density of x; compare it only
    with figures made the same way, or binarise the data, or take the continuous Bernoulli.
    """

    def _log_density(self, x: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        return x * parameters["logits"] - tf.math.softplus(parameters["logits"])

    def _mean(self, parameters: Parameters) -> tf.Tensor:
        return tf.sigmoid(parameters["logits"])

    def _from_uniform(self, parameters: Parameters, u: tf.Tensor) -> tf.Tensor:
        return tf.cast(u < tf.sigmoid(parameters["logits"]), u.dtype)


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
        # For positive logits only, where exp cannot overflow; negative ones are the mirror image.
        size = tf.abs(safe)
        exact = -1.0 / tf.math.expm1(-size) - 1.0 / size
        return tf.where(small, series, tf.where(safe > 0, exact, 1.0 - exact))

    def _from_uniform(self, parameters: Parameters, u: tf.Tensor) -> tf.Tensor:
        # Inverted for negative logits only, where exp cannot overflow; positive ones are the mirror image.
        small, safe = _near_zero(parameters["logits"], 1e-6)
        negative = -tf.abs(safe)
        x = tf.math.log1p(u * tf.math.expm1(negative)) / negative
        return tf.where(small, u, tf.where(safe > 0, 1.0 - x, x))


class _LocationScale(Likelihood):
    """A density of (x - mean) / scale, with a scale that is fixed, trained and shared, or the decoder's own.

    Args:
      scale: the fixed scale in model units, or where training begins.
      scale_mode: `fixed`, `shared` (one trained number) or `per_pixel` (decoder output `log_scale`, added to
        log(scale)).
    """

    support = None

    def __init__(self, scale: float = 1.0, scale_mode: str = "fixed", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 < scale < math.inf:
            raise UserError(f"likelihood.scale: got {scale}, want a positive finite number.")
        if scale_mode not in SCALE_MODES:
            hint = nearest(scale_mode, SCALE_MODES)
            raise UserError(f"likelihood.scale_mode: got {scale_mode!r}{hint}, want one of {', '.join(SCALE_MODES)}.")
        self.scale, self.scale_mode = float(scale), scale_mode
        self.parameters = ("mean", "log_scale") if scale_mode == "per_pixel" else ("mean",)
        self.shared_log_scale = None
        if scale_mode == "shared":
            # Keras's own constant is rounded to float32.
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
        raise TypeError("take Gaussian or Laplace.")


@keras.saving.register_keras_serializable(package="tfvae")
class Gaussian(_LocationScale):
    """N(mean, scale^2): log p = -((x - mean) / scale)^2 / 2 - log scale - log(2 pi) / 2.

    With scale 1/sqrt(2) this is the squared error and a constant: the `mse` of other packages, in nats.

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


def from_settings(settings: Settings) -> Likelihood:
    """The likelihood that the settings name; `mse` is the Gaussian of scale 1/sqrt(2)."""
    located: dict[str, Any] = dict(scale=settings.scale, scale_mode=settings.scale_mode, name="likelihood")
    if settings.name == "mse":
        return Gaussian(scale=math.sqrt(0.5), name="likelihood")
    if settings.name == "gaussian":
        return Gaussian(**located)
    if settings.name == "laplace":
        return Laplace(**located)
    if settings.name == "continuous_bernoulli":
        return ContinuousBernoulli(name="likelihood")
    return Bernoulli(name="likelihood")


def named(likelihood: Likelihood | str) -> Likelihood:
    """The likelihood itself, or a fresh one of that name.

    Raises:
      UserError: no such name, with the nearest one.
    """
    if isinstance(likelihood, Likelihood):
        return likelihood
    return from_settings(from_dict(Settings, {"name": likelihood}, "likelihood"))


def _rows(value: tf.Tensor, event: tf.TensorShape) -> tf.Tensor:
    """`[…, *event]` as `[…, values]`: over the one channel of an image XLA's loops would be short and slow."""
    leading = tf.shape(value)[: value.shape.rank - event.rank]
    return tf.reshape(value, tf.concat([leading, [event.num_elements()]], axis=0))


def _near_zero(logits: tf.Tensor, limit: float = 0.1) -> tuple[tf.Tensor, tf.Tensor]:
    """Where a series must stand in, and logits that are nowhere near zero, so that no branch has a NaN gradient."""
    small = tf.abs(logits) < limit
    return small, tf.where(small, tf.ones_like(logits), logits)


def _log_normaliser(logits: tf.Tensor) -> tf.Tensor:
    small, safe = _near_zero(logits)
    size = tf.abs(safe)
    decay = tf.exp(-size)
    exact = tf.math.log(size) + tf.math.log1p(decay) - tf.math.log1p(-decay)
    series = math.log(2.0) + tf.square(logits) / 12.0 - 7.0 * logits**4 / 1440.0
    return tf.where(small, series, exact)
