"""What travels from the data to the model."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf


class Batch(NamedTuple):
    """Examples with what is needed to address their noise and to mask padding.

    Attributes:
      x: examples in model units, `[batch, …]`, floating.
      y: what the model is conditioned on, `[batch, C]`, floating; None for a model without condition.
      first_example: int64 scalar, index of the first example in the global batch (training) or data set (evaluation).
      weight: `[batch]`, 1 for an example and 0 for padding.
    """

    x: tf.Tensor
    y: tf.Tensor | None
    first_example: tf.Tensor
    weight: tf.Tensor

    @classmethod
    def of(cls, x: tf.Tensor, y: tf.Tensor | None, first_example: tf.Tensor, weight: tf.Tensor | None = None) -> Batch:
        """A batch with y and weight in the type of x; without a weight no example is padding."""
        weight = tf.ones([tf.shape(x)[0]], x.dtype) if weight is None else tf.cast(weight, x.dtype)
        return cls(x, None if y is None else tf.cast(y, x.dtype), first_example, weight)
