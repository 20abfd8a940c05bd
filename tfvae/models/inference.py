"""Calls of a model over many examples: in batches of one shape, the last one padded, so that nothing is retraced."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae import noise
from tfvae.data.batch import Batch
from tfvae.errors import UserError
from tfvae.models.results import LogLikelihood

_MOST_SAMPLES = 16  # per example in one call: the graph unrolls the noise of the samples
_MOST_DECODED = 4096  # rows through the decoder at a time: this bounds the memory of log_likelihood


def batched(function: Callable[..., Any], arrays: dict[str, np.ndarray], n: int, seed: int, batch_size: int) -> Any:
    """Calls `function(arrays, seed, first_example)` on batches and concatenates the results, without the padding."""
    size, parts = max(1, min(batch_size, n)), []
    for first in range(0, max(n, 1), size):
        part = {name: _padded(array[first : first + size], size) for name, array in arrays.items()}
        result = function(part, tf.constant(seed, tf.int64), tf.constant(first, tf.int64))
        parts.append(tf.nest.map_structure(lambda t, first=first: t.numpy()[: n - first], result))
    return tf.nest.map_structure(lambda *rows: np.concatenate(rows), *parts)


def _padded(rows: np.ndarray, size: int) -> tf.Tensor:
    missing = size - len(rows)
    return tf.constant(np.pad(rows, [(0, missing)] + [(0, 0)] * (rows.ndim - 1)))


def _decode(vae: Any) -> Callable[..., Any]:
    return lambda values, seed, first: vae.likelihood.mean(vae.parameters(values["z"], values.get("y")))


def _draw(vae: Any) -> Callable[..., Any]:
    def draw(values: Any, seed: tf.Tensor, first: tf.Tensor) -> tf.Tensor:
        address = noise.Address(seed, noise.LIKELIHOOD, first_example=first)
        return vae.likelihood.sample(vae.parameters(values["z"], values.get("y")), address)

    return draw


def _elbo(vae: Any) -> Callable[..., Any]:
    def elbo(values: Any, seed: tf.Tensor, first: tf.Tensor) -> dict[str, tf.Tensor]:
        x, y = vae._model_units(values["x"]), values.get("y")
        latent, _ = vae.draw_posterior(x, y, noise.Address(seed, noise.EVALUATION, first_example=first))
        reconstruction = vae.likelihood.log_prob(x, vae.parameters(latent.z, y))[0]
        kl = tf.reduce_sum(latent.kl, axis=1)
        terms = {"reconstruction": reconstruction, "kl": kl, "kl_per_dimension": latent.kl}
        return {"elbo": reconstruction - kl, **terms}

    return elbo


def _predict(vae: Any) -> Callable[..., Any]:
    def predict(values: Any, seed: tf.Tensor, first: tf.Tensor) -> dict[str, tf.Tensor]:
        x, y = vae._model_units(values["x"]), values.get("y")
        outputs, prior = vae.infer(x, y)
        z = vae.posterior.sample(outputs, prior, noise.Address(seed, noise.EVALUATION, first_example=first)).z[0]
        mean = vae.likelihood.mean(vae.parameters(vae.posterior.point(outputs), y))
        return {**outputs, "z": z, "reconstruction": mean}

    return predict


def _evaluate(vae: Any) -> Callable[..., Any]:
    def evaluate(values: Any, seed: tf.Tensor, first: tf.Tensor) -> dict[str, tf.Tensor]:
        x = vae._model_units(values["x"])
        batch = Batch.of(x, values.get("y"), first)
        loss = vae.loss_terms(batch, noise.Address(seed, noise.EVALUATION), vae.schedule(), training=False)
        return {"loss": loss.total, **{name: term for name, term in loss.terms.items() if term.shape.rank == 1}}

    return evaluate


def _weights(vae: Any) -> Callable[..., Any]:
    def weights(values: Any, seed: tf.Tensor, first: tf.Tensor, first_sample: tf.Tensor, count: int) -> tf.Tensor:
        x, y = vae._model_units(values["x"]), values.get("y")
        address = noise.Address(seed, noise.EVALUATION, 0, first, first_sample)
        latent, prior = vae.draw_posterior(x, y, address, count, log_q=True)
        reconstruction = vae.likelihood.log_prob(x, vae.parameters(latent.z, y))
        return reconstruction + prior.log_prob(latent.z) - latent.log_q

    return weights


BODIES: dict[str, Callable[[Any], Callable[..., Any]]] = {
    "decode": _decode,
    "draw": _draw,
    "elbo": _elbo,
    "evaluate": _evaluate,
    "predict": _predict,
    "weights": _weights,
}


def log_likelihood(vae: Any, arrays: dict[str, np.ndarray], samples: int, seed: int, batch_size: int) -> LogLikelihood:
    """See `VAE.log_likelihood`: a running log-sum-exp over blocks of samples."""
    if isinstance(samples, bool) or not isinstance(samples, (int, np.integer)) or not 1 <= samples <= 2**16:
        raise UserError(f"samples: got {samples!r}, expected an integer from 1 to 65536.")
    n = len(arrays["x"])
    size = max(1, min(batch_size, n))
    block = max(1, min(samples, _MOST_SAMPLES, _MOST_DECODED // size))

    compiled = vae._function("weights")
    sums, squares = np.full(n, -np.inf), np.full(n, -np.inf)
    for first_sample in range(0, samples, block):
        count = min(block, samples - first_sample)

        def part(values: Any, seed: tf.Tensor, first: tf.Tensor, at: int = first_sample, k: int = count) -> tf.Tensor:
            return tf.transpose(compiled(values, seed, first, tf.constant(at, tf.int64), k))

        rows = batched(part, arrays, n, seed, size).astype(np.float64)
        with np.errstate(invalid="ignore"):  # NaN affects only its own example
            sums = np.logaddexp(sums, np.logaddexp.reduce(rows, axis=1))
            squares = np.logaddexp(squares, np.logaddexp.reduce(2 * rows, axis=1))
    # Relative variance of the mean weight: (K sum w^2 / (sum w)^2 - 1) / (K - 1).
    excess = np.expm1(np.maximum(squares - 2 * sums + math.log(samples), 0.0))
    error = np.sqrt(excess / (samples - 1)) if samples > 1 else np.full(n, np.nan)
    return LogLikelihood(sums - math.log(samples), error, samples, seed)
