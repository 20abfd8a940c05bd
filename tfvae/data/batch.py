"""The batch that the input pipeline hands to the model."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf


class Batch(NamedTuple):
    """Examples, with the index that addresses their noise and the weights that mask padding.

    Attributes:
      x: examples in model units, `[batch, …]`, floating.
      y: labels `[batch]`, integers; None if the data has none.
      first_example: int64 scalar, index of the first example in the global batch (training) or data set (evaluation).
      weight: `[batch]`, 1 for an example and 0 for padding.
    """

    x: tf.Tensor
    y: tf.Tensor | None
    first_example: tf.Tensor
    weight: tf.Tensor
