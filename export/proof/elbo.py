"""The ELBO from means: what quantisation costs, in the model's own unit, where a file gives only means.

Half of the means that an int8 file gives are exactly 0 or 1, whose log is infinite: where the support is (0, 1) the
means are clipped to [1/512, 1 - 1/512], half a level of a byte from the ends, on both sides of the comparison.
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
    """log p(x|mean) in nats, `[n]`: of the logits that have the mean, or of the mean with Keras's own scale at z.

    Args:
      vae: the float32 model.
      x: `[n, *event]` float32, model units.
      z: `[n, *latent]` float32.
      mean: `[n, *event]` float32, model units, from whatever decoder.
      y: `[n, C]` float32, where the model has a condition.
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
    """The least that errors of a log-likelihood are divided by, nats.

    That of a density can pass through zero: there it is half the number of values in an example, the expected
    quadratic term of a Gaussian of the right scale. Else it is one nat.
    """
    return 1.0 if isinstance(likelihood, Bernoulli) else values / 2


def spread(vae: VAE, x: np.ndarray, z: np.ndarray, y: np.ndarray | None = None) -> float:
    """What errors of the mean are divided by: the range of the data; where p(x|z) has a scale, the larger of the two.

    A Gaussian that has learned a tiny scale would else fail honest files; the ELBO measures those in its scales.

    Args:
      vae: the model.
      x: `[n, *event]`, test examples in model units.
      z: `[m, *latent]`, over which scales of each value's own are averaged by squares.
      y: `[m, C]`, where the model has a condition.
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

    Newton's method on the Langevin function coth(y) - 1/y, from Cohen's approximation of its inverse, which is within
    5 %. A NaN stays one.

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
