"""How y `[batch, C]` enters a network: beside a vector, or as one more plane of an image."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import layers

from tfvae.networks import heads


def inputs(x: Any, condition: int | None) -> tuple[Any, Any]:
    """The inputs of a model, x or `[x, y]`, and y itself or None.

    Args:
      x: the first input.
      condition: C; None: no second input.
    """
    if condition is None:
        return x, None
    y = keras.Input((condition,), dtype=heads.dtype(), name="y")
    return [x, y], y


def beside(x: Any, y: Any, name: str) -> Any:
    """x with y joined to its last axis; x itself where there is no y.

    Beside an image, y becomes one plane: what a Dense layer makes of it at each pixel.

    Args:
      x: `[batch, features]` or `[batch, height, width, channels]`.
      y: `[batch, C]` or None.
      name: how the layers' names begin.
    """
    if y is None:
        return x
    if len(x.shape) > 2:
        grid = tuple(x.shape[1:-1])
        y = layers.Dense(math.prod(grid), name=f"{name}_y")(y)
        y = layers.Reshape((*grid, 1), name=f"{name}_y_plane")(y)
    return layers.Concatenate(name=f"{name}_with_y")([x, y])
