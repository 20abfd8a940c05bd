"""The ELBO from means: the cost of quantization in nats, for files that return only means.

Half of the means from an int8 file are exactly 0 or 1, whose log is infinite: for the support (0, 1) the means are
clipped to [1/512, 1 - 1/512], half a level of a byte from the ends, on both sides of the comparison.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfvae.export.latents import inputs
from tfvae.likelihoods import Bernoulli, ContinuousBernoulli, Likelihood
from tfvae.models import inference
from tfvae.models.vae import VAE

_CLIP = 1 / 512
_BATCH = 256
_NEWTON_STEPS = 4

Tensors = dict[str, tf.Tensor]


def reconstruction(vae: VAE, x: np.ndarray, z: np.ndarray, mean: np.ndarray, y: np.ndarray | None = None) -> np.ndarray:
    """log p(x|mean) in nats, `[n]`: for the logits with this mean, or the mean and the Keras model's scale at z.

    Args:
      vae: the float32 model.
      x: `[n, *event]` float32, model units.
      z: `[n, *latent]` float32.
      mean: `[n, *event]` float32, model units, from any decoder.
      y: `[n, C]` float32, if the model has a condition.
    """

    def log_prob(values: Tensors, seed: tf.Tensor, first: tf.Tensor) -> tf.Tensor:
        if vae.likelihood.support is None:
            parameters = {**vae.parameters(values["z"], values.get("y")), "mean": values["mean"]}
        else:
            parameters = {"logits": tf.constant(_logits(vae.likelihood, values["mean"].numpy()), tf.float32)}
        return vae.likelihood.log_prob(values["x"], parameters)

    arrays = {"x": x, "mean": mean, **inputs(z, y)}
    nats: np.ndarray = inference.batched(log_prob, arrays, len(x), 0, _BATCH)
    return nats


def floor(likelihood: Likelihood, values: int) -> float:
    """The smallest divisor of errors of a log-likelihood, nats.

    The log-likelihood of a density can be near zero: for it the divisor is at least half the number of values in an
    example, the expected quadratic term of a Gaussian with the right scale. Otherwise it is at least one nat.
    """
    return 1.0 if isinstance(likelihood, Bernoulli) else values / 2


def spread(vae: VAE, x: np.ndarray, z: np.ndarray, y: np.ndarray | None = None) -> float:
    """The divisor of errors of the mean: the range of the data, or the scale of p(x|z) if that is larger.

    Divided by a very small trained scale, correct files would fail; the ELBO measures errors relative to that scale.

    Args:
      vae: the model.
      x: `[n, *event]`, test examples in model units.
      z: `[m, *latent]`; a scale for each value is averaged over them by squares.
      y: `[m, C]`, if the model has a condition.
    """
    if vae.likelihood.support is not None:
        low, high = vae.likelihood.support
        return high - low

    def square(values: Tensors, seed: tf.Tensor, first: tf.Tensor) -> tf.Tensor:
        parameters = vae.parameters(values["z"], values.get("y"))
        log_scale = tf.broadcast_to(vae.likelihood._log_scale(parameters), tf.shape(parameters["mean"]))
        return tf.reduce_mean(tf.exp(2.0 * log_scale), axis=range(1, log_scale.shape.rank))

    scale = np.sqrt(np.mean(inference.batched(square, inputs(z, y), len(z), 0, _BATCH), dtype=np.float64))
    return max(float(scale), float(np.ptp(x)))


def _logits(likelihood: Likelihood, mean: np.ndarray) -> np.ndarray:
    clipped = np.clip(mean.astype(np.float64), _CLIP, 1.0 - _CLIP)
    if isinstance(likelihood, ContinuousBernoulli):
        return continuous_bernoulli_logits(clipped)
    return np.log(clipped) - np.log1p(-clipped)


def continuous_bernoulli_logits(mean: np.ndarray) -> np.ndarray:
    """The logits l of the continuous Bernoulli with this mean, which is 1/2 + (coth(l/2) - 2/l) / 2.

    Newton's method on the Langevin function coth(y) - 1/y, starting from Cohen's approximation of its inverse, which is
    within 5 %. NaN stays NaN.

    Args:
      mean: float64, from 1/512 to 1 - 1/512.

    Source: Cohen, A Padé approximant to the inverse Langevin function, Rheologica Acta 30 (1991).
    """
    target = 2.0 * mean - 1.0
    y = target * (3.0 - target**2) / (1.0 - target**2)
    for _ in range(_NEWTON_STEPS):
        # Near zero both terms of each difference grow without bound.
        near = np.abs(y) < 0.05
        safe = np.where(near, 1.0, y)
        value = np.where(near, y / 3 - y**3 / 45 + 2 * y**5 / 945, 1 / np.tanh(safe) - 1 / safe)
        slope = np.where(near, 1 / 3 - y**2 / 15 + 2 * y**4 / 189, 1 / safe**2 - 1 / np.sinh(safe) ** 2)
        y = y - (value - target) / slope
    return 2.0 * y
