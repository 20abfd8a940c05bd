"""Adds y `[batch, C]` to the input of a network: appended to a vector, or as an extra channel of an image."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import layers

from tfvae.networks import heads


def inputs(x: Any, condition: int | None) -> tuple[Any, Any]:
    """The inputs of a model, x or `[x, y]`, and y or None.

    Args:
      x: the first input.
      condition: C; None: no second input.
    """
    if condition is None:
        return x, None
    y = keras.Input((condition,), dtype=heads.dtype(), name="y")
    return [x, y], y


def beside(x: Any, y: Any, name: str) -> Any:
    """x with y appended to its last axis; x itself if there is no y.

    For an image, a Dense layer maps y to one plane, a value per pixel, which is appended as a channel.

    Args:
      x: `[batch, features]` or `[batch, height, width, channels]`.
      y: `[batch, C]` or None.
      name: prefix of the layers' names.
    """
    if y is None:
        return x
    if len(x.shape) > 2:
        grid = tuple(x.shape[1:-1])
        y = layers.Dense(math.prod(grid), name=f"{name}_y")(y)
        y = layers.Reshape((*grid, 1), name=f"{name}_y_plane")(y)
    return layers.Concatenate(name=f"{name}_with_y")([x, y])
