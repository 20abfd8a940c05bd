"""Statistics of a batch, such as MMD and total correlation, over groups of consecutive examples.

A statistic of many examples is not a sum over examples: computed over a replica's share, it would depend on the number
of replicas. Computed over groups of a fixed size in the global batch, it does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfvae.objectives.loss import Penalty


def over_groups(
    statistic: Callable[[Any, tf.Tensor], tf.Tensor],
    values: Any,
    weight: tf.Tensor,
    group: int,
    factor: tf.Tensor | float = 1.0,
) -> Penalty:
    """A statistic of each group of consecutive examples, for `Loss.penalties`.

    A group with fewer than two real examples is left out of the mean; its statistic is not used.

    Args:
      statistic: of values `[groups, group, …]` and weights `[groups, group]`, nats `[groups]`. It sees at least two
        examples of weight 1 in every group; those of weight 0 are padding, and must not change it.
      values: `[batch, …]`, or a structure of such tensors.
      weight: `[batch]`, as in `Batch.weight`: 1 for an example, 0 for padding.
      group: examples per group, at least 2; must divide the batch size.
      factor: weight of the penalty in the loss.

    Returns:
      `Penalty`: each example has the value of its group; `counts` is 1 for the real examples of groups that count.

    Raises:
      ValueError: a group of fewer than two examples, or one that does not divide the batch.

    Example:
      >>> spread = lambda x, weight: tf.reduce_max(x, axis=1) - tf.reduce_min(x, axis=1)
      >>> over_groups(spread, tf.constant([1.0, 4.0, 2.0, 2.5]), tf.ones([4]), group=2).value.numpy().tolist()
      [3.0, 3.0, 0.5, 0.5]
    """
    if group < 2 or (weight.shape[0] is not None and weight.shape[0] % group):
        raise ValueError(f"group: got {group} for a batch of {weight.shape[0]}; it must divide the batch, and be >= 2.")

    def grouped(rows: tf.Tensor) -> tf.Tensor:
        return tf.reshape(rows, tf.concat([[-1, group], tf.shape(rows)[1:]], axis=0))

    real = grouped(weight)
    counted = tf.reduce_sum(real, axis=1, keepdims=True) >= 2
    # The statistic of a group that does not count would be 0/0, and the gradient of that NaN even where it is masked.
    value = statistic(tf.nest.map_structure(grouped, values), tf.where(counted, real, tf.ones_like(real)))
    spread = tf.where(counted, value[:, None], tf.zeros_like(value)[:, None]) * tf.ones([1, group], value.dtype)
    counts = tf.where(counted, real, tf.zeros_like(real))
    return Penalty(tf.reshape(spread, [-1]), tf.reshape(counts, [-1]), factor)
