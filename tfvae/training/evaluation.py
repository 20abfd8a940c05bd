"""Averages of a model's terms over a split: every example once, padding masked, noise of purpose 2."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.config import Config
from tfvae.data import pipeline
from tfvae.data.batch import Batch
from tfvae.data.scaling import Scaling
from tfvae.data.splits import Split
from tfvae.latent import noise
from tfvae.models.results import Schedule
from tfvae.training.record import Layout

# The binary form of validation and test examples is drawn once, at a step that no training reaches.
EVALUATION_STEP = 2**40 - 1

_BATCHES_PER_CALL = 64


class Evaluation:
    """The compiled pass over a split.

    Args:
      model: gives `loss_terms`.
      split: the examples.
      scaling: from the user's units to model units.
      config: binarisation and seed.
      jit: compile the body with XLA.
      squared_error: also give `squared_error_per_value`, of the mean of p(x|z) at z = z_mean: one more decoding.

    `evaluation(schedule)` gives the mean of each term over the examples, float64 arrays by name, in nats an example.
    """

    def __init__(
        self, model: Any, split: Split, scaling: Scaling, config: Config, jit: bool, squared_error: bool = False
    ) -> None:
        self._model, self._scaling, self._config, self._squared_error = model, scaling, config, squared_error
        self._feed, self._examples = pipeline.feed(split), len(split)
        self._size = min(max(config.training.batch_size, 256), len(split))
        self._layout = Layout()
        self._body = tf.function(self._sums, jit_compile=jit)
        self._call = tf.function(self._batches, reduce_retracing=True)

    def __call__(self, schedule: Schedule) -> dict[str, np.ndarray]:
        indices, weights = pipeline.evaluation_indices(self._examples, self._size)
        schedule = Schedule(*(tf.cast(value, tf.float32) for value in schedule))
        total, done = np.zeros([]), 0
        for elements in self._feed.calls(indices, _BATCHES_PER_CALL):
            weight = tf.constant(weights[done : done + _BATCHES_PER_CALL])
            records = self._call(elements, weight, tf.constant(done * self._size, tf.int64), schedule)
            total = total + records.numpy().sum(axis=0)
            done += _BATCHES_PER_CALL
        return self._layout.unpack(total / self._examples)

    def _batches(self, elements: Any, weights: tf.Tensor, first: tf.Tensor, schedule: Schedule) -> tf.Tensor:
        count = tf.shape(weights)[0]
        records = tf.TensorArray(tf.float64, size=count, infer_shape=False)
        for k in tf.range(count):
            x, y = self._feed.fetch(tf.nest.map_structure(lambda t, k=k: t[k], elements))
            sums = self._body(x, y, weights[k], first + tf.cast(k, tf.int64) * self._size, schedule)
            records = records.write(k, self._layout.pack(sums))
        return records.stack()

    def _sums(
        self, x: tf.Tensor, y: tf.Tensor | None, weight: tf.Tensor, first: tf.Tensor, schedule: Schedule
    ) -> dict[str, tf.Tensor]:
        seed, dtype = self._config.seed, keras.config.dtype_policy().variable_dtype
        binary = noise.Address(seed, noise.BINARISATION, EVALUATION_STEP, first)
        x = pipeline.model_units(x, self._scaling, self._config.data.binarize, binary, dtype)
        batch = Batch(x, y, first, weight)
        loss = self._model.loss_terms(batch, noise.Address(seed, noise.EVALUATION), schedule, training=False)
        terms = {"loss": loss.total, **loss.terms}
        if self._squared_error:
            error = tf.square(x - tf.cast(self._model.reconstruct(x), x.dtype))
            terms["squared_error_per_value"] = tf.reduce_mean(tf.reshape(error, [tf.shape(x)[0], -1]), axis=1)
        return {name: tf.einsum("b,b...->...", tf.cast(weight, t.dtype), t) for name, t in terms.items()}
