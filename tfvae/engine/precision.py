"""Updates that are applied only if they are finite, and loss scaling for float16."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

FIRST_SCALE = 2.0**15
GROWTH_STEPS = 2000
LARGEST_SCALE = 2.0**24


class LossScale(tf.Module):
    """The loss scale s, which keeps float16 gradients from vanishing.

    s' = max(s / 2, 1) after a step that overflowed; min(2 s, 2^24) after 2,000 in a row that did not; else s.

    Source: Micikevicius et al., Mixed Precision Training, arXiv:1710.03740, section 3.2.
    """

    def __init__(self) -> None:
        super().__init__()
        first = tf.VariableAggregation.ONLY_FIRST_REPLICA
        self.value = tf.Variable(FIRST_SCALE, dtype=tf.float32, trainable=False, aggregation=first)
        self.finite_steps = tf.Variable(0, dtype=tf.int64, trainable=False, aggregation=first)

    def update(self, finite: tf.Tensor) -> None:
        """Updates the scale after a step that was finite or not."""
        scale, steps = tf.identity(self.value), self.finite_steps + 1
        grows = steps >= GROWTH_STEPS
        grown = tf.where(grows, tf.minimum(2.0 * scale, LARGEST_SCALE), scale)
        self.value.assign(tf.where(finite, grown, tf.maximum(0.5 * scale, 1.0)))
        self.finite_steps.assign(tf.where(finite & ~grows, steps, 0))


def needs_scaling(model: keras.Model) -> bool:
    """Whether any layer computes in float16, whose gradients vanish below 6e-8 and overflow above 65,504."""
    return any(layer.compute_dtype == "float16" for layer in model._flatten_layers())


def update_if(taken: tf.Tensor, update: Callable[[], Any], variables: list[keras.Variable | tf.Variable]) -> None:
    """Runs the update, then restores every variable bit-exactly unless `taken` is true.

    Branch-free, because Keras optimizers merge replicas and so cannot run inside a `tf.cond`.

    Args:
      taken: bool scalar, the same on all replicas.
      update: changes the variables.
      variables: all variables that it changes.
    """
    raw = [in_tensorflow(variable) for variable in variables]
    before = [tf.identity(variable) for variable in raw]
    update()
    for variable, old in zip(raw, before):
        variable.assign(tf.where(taken, variable, old))


def in_tensorflow(variable: keras.Variable | tf.Variable) -> tf.Variable:
    """The variable that TensorFlow assigns to and saves."""
    return variable.value if isinstance(variable, keras.Variable) else variable
