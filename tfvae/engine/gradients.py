"""The gradient of one objective on one replica, as its part of the sums over the global batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tfvae import noise
from tfvae.engine.batches import Batches
from tfvae.objectives.loss import Loss, Objective, Schedule


class Share(NamedTuple):
    """The examples of a batch that one replica processes, or a micro-batch of them.

    Attributes:
      x: `[share, …]` in the user's units.
      y: `[share, C]` or None.
      first_example: position of x[0] in the global batch.
      step: steps done before this one.
      schedule: values of the schedules at this step.
    """

    x: tf.Tensor
    y: tf.Tensor | None
    first_example: tf.Tensor
    step: tf.Tensor
    schedule: Schedule


class Sums(NamedTuple):
    """Values that are summed over micro-batches and replicas to give those of the global batch.

    Attributes:
      gradients: of the scaled loss, one for each variable.
      terms: the loss, its terms and its penalties by name, as parts of averages over the global batch.
      sums: `Loss.sums`.
    """

    gradients: list[tf.Tensor]
    terms: dict[str, tf.Tensor]
    sums: dict[str, tf.Tensor]


GradientFunction = Callable[[Share, tf.Tensor], Sums]


def of_objective(objective: Objective, batches: Batches, batch_size: int) -> GradientFunction:
    """A pure function of a share and the loss scale; under a strategy XLA compiles only this part of a step."""

    def gradients(share: Share, scale: tf.Tensor) -> Sums:
        batch = batches.batch((share.x, share.y), share.step, share.first_example)
        values = [variable.value for variable in objective.variables]
        with tf.GradientTape() as tape:
            address = noise.Address(batches.seed, noise.TRAINING, share.step)
            loss = objective.loss(batch, address, share.schedule, True)
            total, penalties = _part_of_mean(loss, batch_size)
            scaled = total * tf.cast(scale, total.dtype)
        grads = tape.gradient(scaled, values, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        terms = {name: tf.reduce_sum(term, axis=0) / batch_size for name, term in loss.terms.items()}
        return Sums(grads, {"loss": total, **terms, **penalties}, dict(loss.sums))

    return gradients


def _part_of_mean(loss: Loss, batch_size: int) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """A share's part of the mean loss, and of each mean penalty, over the global batch, which has no padding."""
    total = tf.reduce_sum(loss.total) / batch_size
    means = {name: tf.reduce_sum(p.value * p.counts) / batch_size for name, p in loss.penalties.items()}
    for name, mean in means.items():
        total += tf.cast(loss.penalties[name].weight, total.dtype) * tf.cast(mean, total.dtype)
    return total, means


def accumulated(gradients: GradientFunction, share: Share, scale: tf.Tensor, parts: int, size: int) -> Sums:
    """The sums over a share, one micro-batch at a time to save memory.

    Args:
      gradients: of one micro-batch.
      share: all examples.
      scale: the loss scale.
      parts: number of micro-batches.
      size: examples per micro-batch.
    """
    if parts == 1:
        return gradients(share, scale)

    def of_part(index: tf.Tensor | int) -> Sums:
        begin = index * size
        x, y = (None if t is None else _rows(t, begin, size) for t in (share.x, share.y))
        first = share.first_example + tf.cast(begin, tf.int64)
        return gradients(share._replace(x=x, y=y, first_example=first), scale)

    sums = of_part(0)
    for index in tf.range(1, parts):
        sums = tf.nest.map_structure(tf.add, sums, of_part(index))
    return sums


def _rows(t: tf.Tensor, begin: tf.Tensor | int, size: int) -> tf.Tensor:
    # Not t[begin : begin + size]: XLA could not infer its size.
    return tf.slice(t, [begin, *[0] * (t.shape.rank - 1)], [size, *t.shape[1:]])


def norm_by_product(grads: list[tf.Tensor]) -> tf.Tensor:
    """The global norm, with its sums computed as products with ones.

    On a CPU, XLA's sum over a large tensor writes the squares to memory and reads them again: a sixth of an MLP's step.
    """
    rows = [tf.reshape(grad, [-1, grad.shape[-1] if grad.shape.rank else 1]) for grad in grads]
    sums = [tf.reduce_sum(tf.matmul(tf.square(row), tf.ones([row.shape[1], 1], row.dtype))) for row in rows]
    return tf.sqrt(tf.add_n(sums))


def clipped(grads: list[tf.Tensor], norm: tf.Tensor, bound: float | None) -> list[tf.Tensor]:
    """Gradients clipped to a global norm of at most `bound`; None: unchanged."""
    if bound is None:
        return grads
    factor = tf.minimum(tf.ones([], norm.dtype), bound / (norm + 1e-6))
    return [grad * tf.cast(factor, grad.dtype) for grad in grads]
