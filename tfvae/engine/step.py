"""One training step: gradients of every objective on every replica, their sum, the updates; many steps in one call.

The step relies only on `objectives()` and knows no model family.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfvae import compiled
from tfvae.data import pipeline
from tfvae.engine.batches import Batches
from tfvae.engine.cluster import workers
from tfvae.engine.gradients import Share, Sums, accumulated, norm_by_product, of_objective
from tfvae.engine.plan import Plan
from tfvae.engine.record import Layout
from tfvae.engine.trainer import Trainer
from tfvae.objectives.loss import Schedule

LOOP = 512  # number of steps of the loop that XLA compiles


class Step:
    """The compiled training step.

    All gradients are computed at the weights from before the step, summed over replicas, and checked together: if one
    gradient or loss is not finite, a guarded step updates no objective. Then the variables of each objective are
    updated, and last each objective absorbs its sums.

    Args:
      trainers: one for each objective, created in the strategy's scope.
      schedule: `LatentModel.schedule`.
      batches: the training examples of this process.
      plan: how a step is executed.
      strategy: the distribution strategy.

    Attributes:
      counter: int64 variable, steps done.
      layout: names the values of a record.

    `step(elements)` does one step for each element and returns their records, float64 `[steps, values]`. Terms and
    penalties are averages over the global batch, in nats per example; those of objectives other than the main one are
    named "name/term". The record of a guarded step also has `skipped`, 1 or 0.
    """

    def __init__(
        self,
        trainers: list[Trainer],
        schedule: Callable[[tf.Tensor, int], Schedule],
        batches: Batches,
        plan: Plan,
        strategy: tf.distribute.Strategy,
    ) -> None:
        self._trainers, self._schedule, self._feed = trainers, schedule, batches.feed
        self._plan, self._strategy = plan, strategy
        self._first_replica = workers.place(strategy).first_replica
        self.layout = Layout()
        with strategy.scope():
            alone = not tf.distribute.has_strategy()
            self.counter = tf.Variable(
                0, dtype=tf.int64, trainable=False, aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA
            )
        self._gradients = [
            compiled.function(of_objective(trainer.objective, batches, plan.batch_size), jit_compile=plan.jit)
            for trainer in trainers
        ]
        # XLA's loop needs elements padded to one shape; streamed examples are too large for that.
        self._in_loop = plan.jit_loop and alone and isinstance(batches.feed, pipeline.InMemory)
        self._norm = norm_by_product if plan.jit_loop and alone else tf.linalg.global_norm
        self._replica: Callable[[Any], tf.Tensor] = self._on_replicas
        if self._in_loop:
            self._replica = self._replica_step
        elif plan.jit and alone:
            # Without a strategy's variables XLA can fuse the update too: a quarter more steps per second.
            self._replica = compiled.function(self._replica_step, jit_compile=True)
        self._loop = compiled.function(self._steps, jit_compile=True)
        self._call: Callable[..., tf.Tensor] | None = None

    def __call__(self, elements: Any) -> tf.Tensor:
        count = len(tf.nest.flatten(elements)[0])
        if self._in_loop:
            parts = [elements[begin : begin + LOOP] for begin in range(0, count, LOOP)]
            return tf.concat([self._looped(part) for part in parts], axis=0)
        if self._call is None:
            # An unknown number of steps: it changes from call to call, and must not cause a new trace.
            signature = tf.nest.map_structure(lambda t: tf.TensorSpec([None, *t.shape[1:]], t.dtype), elements)
            self._call = compiled.function(self._steps, input_signature=[signature, tf.TensorSpec([], tf.int32)])
        return self._call(elements, tf.constant(count))

    def _looped(self, indices: tf.Tensor) -> tf.Tensor:
        """Runs the steps in an XLA loop, without launches or weight copies between steps: a fifth more per second."""
        # XLA compiles for one shape: indices are padded to it, and the number of real steps is passed beside them.
        padded = tf.pad(indices, [[0, LOOP - len(indices)], [0, 0]])
        return self._loop(padded, tf.constant(len(indices)))[: len(indices)]

    def _steps(self, elements: Any, count: tf.Tensor) -> tf.Tensor:
        size = tf.shape(tf.nest.flatten(elements)[0])[0]
        records = tf.TensorArray(tf.float64, size=size, infer_shape=False)
        k = tf.constant(0)
        while k < count:  # with tf.range XLA would compile again for each count
            element = tf.nest.map_structure(lambda t, k=k: t[k], elements)
            records = records.write(k, self._replica(element))
            k += 1
        return records.stack()

    def _on_replicas(self, element: Any) -> tf.Tensor:
        # Every replica has the same reduced record.
        return self._strategy.experimental_local_results(self._strategy.run(self._replica_step, args=(element,)))[0]

    def _replica_step(self, element: Any) -> tf.Tensor:
        context = tf.distribute.get_replica_context()
        share = self._share(element, context)
        scales = [_scale(trainer) for trainer in self._trainers]
        parts = self._plan.accumulation
        size = self._plan.share // parts
        sums = [accumulated(grads, share, scale, parts, size) for grads, scale in zip(self._gradients, scales)]
        # Reduced before the check for finite values, so that all replicas come to the same decision.
        reduced = context.all_reduce(tf.distribute.ReduceOp.SUM, sums)
        # One objective's gradient may read what another's optimizer moves, and nothing else orders the two.
        with tf.control_dependencies(tf.nest.flatten(reduced) if len(self._trainers) > 1 else []):
            record = self._update(reduced, scales, share.step)
        record.update({name: tf.cast(value, tf.float32) for name, value in share.schedule.items()})
        self.counter.assign_add(1)
        return self.layout.pack(record)

    def _share(self, element: Any, context: Any) -> Share:
        """The examples of a batch that this replica processes."""
        replica = tf.cast(context.replica_id_in_sync_group, tf.int64)
        size = self._plan.share
        begin = (replica - self._first_replica) * size
        x, y = self._feed.fetch(tf.nest.map_structure(lambda t: t[begin : begin + size], element))
        step = tf.identity(self.counter)
        return Share(x, y, replica * size, step, self._schedule(step, self._plan.steps_per_epoch))

    def _update(self, reduced: list[Sums], scales: list[tf.Tensor], step: tf.Tensor) -> dict[str, tf.Tensor]:
        """Checks all objectives together, updates the variables of each, and returns the record."""
        record: dict[str, tf.Tensor] = {}
        gradients, norms = [], []
        for trainer, sums, scale in zip(self._trainers, reduced, scales):
            grads = sums.gradients
            if trainer.loss_scale is not None:
                grads = [grad / tf.cast(scale, grad.dtype) for grad in grads]
            gradients.append(grads)
            norms.append(self._norm(grads))
        finite = _all_finite(norms, reduced) if any(trainer.guarded for trainer in self._trainers) else None
        for trainer, sums, grads, norm in zip(self._trainers, reduced, gradients, norms):
            trainer.apply(grads, norm, finite, step)
            values = {**sums.terms, "gradient_norm": norm, **_guard_record(trainer, finite)}
            record.update({trainer.objective.prefix + name: value for name, value in values.items()})
        for trainer, sums in zip(self._trainers, reduced):
            trainer.absorb(sums.sums, finite, step)
        return record


def _scale(trainer: Trainer) -> tf.Tensor:
    return tf.ones([]) if trainer.loss_scale is None else tf.identity(trainer.loss_scale.value)


def _all_finite(norms: list[tf.Tensor], reduced: list[Sums]) -> tf.Tensor:
    values = [value for norm, sums in zip(norms, reduced) for value in (norm, sums.terms["loss"])]
    return tf.reduce_all(tf.stack([tf.math.is_finite(value) for value in values]))


def _guard_record(trainer: Trainer, finite: tf.Tensor | None) -> dict[str, tf.Tensor]:
    """The extra values in the record of a guarded step; also updates the loss scale."""
    if finite is None:
        return {}
    values = {"skipped": tf.cast(~finite, tf.float64)}
    if trainer.loss_scale is not None:
        trainer.loss_scale.update(finite)
        values["loss_scale"] = tf.identity(trainer.loss_scale.value)
    return values
