"""Averages of a model's terms over a split: every example once, padding masked, noise of purpose 2."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import noise
from tfvae.config import Config
from tfvae.data import pipeline
from tfvae.data.batch import Batch
from tfvae.data.scaling import Scaling
from tfvae.data.splits import Split
from tfvae.engine.clock import Clock
from tfvae.engine.cluster import workers
from tfvae.engine.record import Layout
from tfvae.objectives.loss import Schedule


class Evaluation:
    """The compiled pass over a split.

    Args:
      model: gives `loss_terms`.
      split: the examples.
      scaling: from the user's units to model units.
      config: binarisation and seed.
      jit: compile the body with XLA.
      strategy: whose workers share the batches out.
      squared_error: also give `squared_error_per_value`, of the mean of p(x|z) at z = z_mean: one more decoding.

    `evaluation(schedule)` gives the mean of each term over the examples, float64 arrays by name, in nats an example.
    """

    def __init__(
        self,
        model: Any,
        split: Split,
        scaling: Scaling,
        config: Config,
        jit: bool,
        strategy: tf.distribute.Strategy,
        squared_error: bool = False,
    ) -> None:
        self._model, self._scaling, self._config, self._squared_error = model, scaling, config, squared_error
        self._feed, self._examples, self._strategy = pipeline.feed(split), len(split), strategy
        self._size = min(max(config.training.batch_size, 256), len(split))
        self._layout, self._clock = Layout(), Clock(None)
        self._body = tf.function(self._sums, jit_compile=jit)
        self._call = tf.function(self._batches, reduce_retracing=True)

    def __call__(self, schedule: Schedule, between: Callable[[], Any] = lambda: None) -> dict[str, np.ndarray]:
        """The means.

        Args:
          schedule: weight and capacity by which losses are judged.
          between: called after each compiled call; what it raises ends the pass.
        """
        indices, weights, firsts = self._share()
        schedule = {name: tf.cast(value, tf.float32) for name, value in schedule.items()}
        total, done = np.zeros([]), 0
        for elements in self._feed.calls(indices, self._clock.steps_per_call):
            part = slice(done, done + len(tf.nest.flatten(elements)[0]))
            with self._clock.call(part.stop - done):
                records = self._call(elements, tf.constant(weights[part]), tf.constant(firsts[part]), schedule).numpy()
            for record in records:  # one by one, so that the sum does not depend on how long a call was
                total = total + record
            done = part.stop
            between()
        return self._layout.unpack(workers.sum_over_workers(self._strategy, total) / self._examples)

    def _share(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """This worker's batches, as many as any other's: indices, weights, and the first example of each."""
        place = workers.place(self._strategy)
        count = self._strategy.num_replicas_in_sync // place.replicas
        indices, weights = pipeline.evaluation_indices(self._examples, self._size)
        fill = [(0, -len(indices) % count), (0, 0)]
        firsts = np.arange(len(indices) + fill[0][1], dtype=np.int64) * self._size
        mine = slice(place.first_replica // place.replicas, None, count)
        return np.pad(indices, fill)[mine], np.pad(weights, fill)[mine], firsts[mine]

    def _batches(self, elements: Any, weights: tf.Tensor, firsts: tf.Tensor, schedule: Schedule) -> tf.Tensor:
        count = tf.shape(weights)[0]
        records = tf.TensorArray(tf.float64, size=count, infer_shape=False)
        for k in tf.range(count):
            x, y = self._feed.fetch(tf.nest.map_structure(lambda t, k=k: t[k], elements))
            sums = self._body(x, y, weights[k], firsts[k], schedule)
            records = records.write(k, self._layout.pack(sums))
        return records.stack()

    def _sums(
        self, x: tf.Tensor, y: tf.Tensor | None, weight: tf.Tensor, first: tf.Tensor, schedule: Schedule
    ) -> dict[str, tf.Tensor]:
        seed, dtype = self._config.seed, keras.config.dtype_policy().variable_dtype
        binary = noise.Address(seed, noise.BINARISATION, noise.LAST_STEP, first)
        x = pipeline.model_units(x, self._scaling, self._config.data.binarize, binary, dtype)
        batch = Batch(x, y, first, weight)
        loss = self._model.loss_terms(batch, noise.Address(seed, noise.EVALUATION), schedule, training=False)
        terms = {"loss": loss.total, **loss.terms}
        if self._squared_error:
            error = tf.square(x - tf.cast(self._model.reconstruct(x), x.dtype))
            terms["squared_error_per_value"] = tf.reduce_mean(tf.reshape(error, [tf.shape(x)[0], -1]), axis=1)
        return {name: tf.einsum("b,b...->...", tf.cast(weight, t.dtype), t) for name, t in terms.items()}
