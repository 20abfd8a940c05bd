"""Averages of a model's terms over a split: each example counts once, padding is masked, noise has purpose 2."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae import compiled, noise
from tfvae.data import pipeline
from tfvae.data.batch import Batch
from tfvae.data.splits import Split
from tfvae.engine.batches import Batches
from tfvae.engine.clock import Clock
from tfvae.engine.cluster import workers
from tfvae.engine.plan import Plan
from tfvae.engine.record import Layout
from tfvae.objectives.loss import Loss, Objective, Schedule

_LEAST = 256  # smallest batch size, if the split has that many examples

# Prefixes in a record besides the sums: the number of examples in a penalty's mean, and the penalty's part of the loss.
_COUNT, _WEIGHTED = "count of ", "part of the loss by "


class Evaluation:
    """The compiled pass over a split.

    Args:
      model: has `objectives()`, `schedule()`, `group`, and with `test` also `test_terms`.
      batches: the examples.
      plan: batch size and compilation.
      strategy: its workers divide the batches among them.
      test: compute the model's `test_terms` too.

    `evaluation()` returns the mean of each term and penalty over the examples, float64 arrays by name, in nats per
    example, at the final values of the schedules; terms of objectives other than the main one are named "name/term".
    """

    def __init__(
        self, model: Any, batches: Batches, plan: Plan, strategy: tf.distribute.Strategy, test: bool = False
    ) -> None:
        self._model, self._batches, self._strategy, self._test = model, batches, strategy, test
        self._objectives: list[Objective] = model.objectives()
        self.batch_size = _whole_groups(min(max(plan.batch_size, _LEAST), batches.examples), model.group)
        self._layout, self._clock = Layout(), Clock(None)
        self._body = compiled.function(self._sums, jit_compile=plan.jit)
        self._call = compiled.function(self._records, reduce_retracing=True)

    def __call__(self, between: Callable[[], Any] = lambda: None) -> dict[str, np.ndarray]:
        """Computes the means.

        Args:
          between: called after each compiled call; an exception from it ends the pass.
        """
        indices, weights, firsts = self._share()
        schedule = {name: tf.cast(value, tf.float32) for name, value in self._model.schedule().items()}
        total, done = np.zeros([]), 0
        for elements in self._batches.feed.calls(indices, self._clock.steps_per_call):
            part = slice(done, done + len(tf.nest.flatten(elements)[0]))
            with self._clock.call(part.stop - done):
                records = self._call(elements, tf.constant(weights[part]), tf.constant(firsts[part]), schedule).numpy()
            for record in records:  # one by one, so that the sum does not depend on the number of steps per call
                total = total + record
            done = part.stop
            between()
        return self._means(self._layout.unpack(workers.sum_over_workers(self._strategy, total)))

    def replace(self, split: Split) -> None:
        """Evaluates other examples: as many, of the same shape and type."""
        self._batches.replace(split)

    def release(self) -> None:
        """Frees the memory of the examples, until `replace` gives others."""
        self._batches.release()

    def _share(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Indices, weights and first examples of this worker's batches; every worker has the same number of batches."""
        place = workers.place(self._strategy)
        count = self._strategy.num_replicas_in_sync // place.replicas
        indices, weights = pipeline.evaluation_indices(self._batches.examples, self.batch_size)
        fill = [(0, -len(indices) % count), (0, 0)]
        firsts = np.arange(len(indices) + fill[0][1], dtype=np.int64) * self.batch_size
        mine = slice(place.first_replica // place.replicas, None, count)
        return np.pad(indices, fill)[mine], np.pad(weights, fill)[mine], firsts[mine]

    def _records(self, elements: Any, weights: tf.Tensor, firsts: tf.Tensor, schedule: Schedule) -> tf.Tensor:
        count = tf.shape(weights)[0]
        records = tf.TensorArray(tf.float64, size=count, infer_shape=False)
        for k in tf.range(count):
            x, y = self._batches.feed.fetch(tf.nest.map_structure(lambda t, k=k: t[k], elements))
            sums = self._body(x, y, weights[k], firsts[k], schedule)
            records = records.write(k, self._layout.pack(sums))
        return records.stack()

    def _sums(
        self, x: tf.Tensor, y: tf.Tensor | None, weight: tf.Tensor, first: tf.Tensor, schedule: Schedule
    ) -> dict[str, tf.Tensor]:
        batch = self._batches.batch((x, y), noise.LAST_STEP, first, weight)
        sums: dict[str, tf.Tensor] = {}
        for objective in self._objectives:
            address = noise.Address(self._batches.seed, noise.EVALUATION)
            loss = objective.loss(batch, address, schedule, False)
            terms = {"loss": loss.total, **loss.terms}
            if self._test and objective.main:
                terms.update(self._model.test_terms(batch))
            sums.update({objective.prefix + name: _weighted(term, batch) for name, term in terms.items()})
            sums.update(_penalty_sums(loss, objective.prefix))
        return sums

    def _means(self, sums: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        means = {}
        for name, value in sums.items():
            if name.startswith((_COUNT, _WEIGHTED)):
                continue
            count = sums.get(_COUNT + name, np.array(self._batches.examples))
            if count > 0:  # zero: no group had two examples
                means[name] = value / count
        for name in list(means):
            if _COUNT + name in sums:
                main, slash, _ = name.rpartition("/")
                means[main + slash + "loss"] += sums[_WEIGHTED + name] / sums[_COUNT + name]
        return means


def _whole_groups(size: int, group: int | None) -> int:
    return size if group is None else -(-size // group) * group


def _weighted(term: tf.Tensor, batch: Batch) -> tf.Tensor:
    """The sum over the examples, without padding."""
    return tf.einsum("b,b...->...", tf.cast(batch.weight, term.dtype), term)


def _penalty_sums(loss: Loss, prefix: str) -> dict[str, tf.Tensor]:
    sums = {}
    for name, penalty in loss.penalties.items():
        total = tf.reduce_sum(penalty.value * penalty.counts)
        sums[prefix + name] = total
        sums[_COUNT + prefix + name] = tf.reduce_sum(penalty.counts)
        sums[_WEIGHTED + prefix + name] = tf.cast(penalty.weight, total.dtype) * total
    return sums
