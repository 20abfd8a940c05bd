"""What the networks refuse, and in which words."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence

import keras

from tfvae.config import nearest
from tfvae.errors import UserError

SMALLEST_IMAGE = 8


def shape(input_shape: Sequence[int]) -> tuple[int, ...]:
    """The shape of one example as a tuple of positive integers."""
    sizes = tuple(input_shape)
    if not sizes or not all(_positive(size) for size in sizes):
        raise UserError(
            f"input shape: got {sizes}, want the sizes of one example without the batch, such as (28, 28, 1)."
        )
    return tuple(int(size) for size in sizes)


def grids(family: str, input_shape: Sequence[int], levels: int) -> list[tuple[int, int]]:
    """Height and width before each halving (rounded up) and after the last: `levels + 1` pairs.

    Raises:
      UserError: not an image, one smaller than 8, or one that cannot be halved so often.
    """
    sizes = shape(input_shape)
    if len(sizes) != 3:
        raise UserError(
            f"{family}: got examples of shape {sizes}, want images [height, width, channels]; "
            "add the missing axis, or take network mlp, which takes any shape."
        )
    height, width, _ = sizes
    if min(height, width) < SMALLEST_IMAGE:
        raise UserError(
            f"{family}: got images of {height}x{width}, want at least {SMALLEST_IMAGE}x{SMALLEST_IMAGE}; "
            "resize them, or take network mlp, which takes any shape."
        )
    if 2**levels > min(height, width):
        raise UserError(
            f"{family}: {levels} levels halve the image {levels} times, which needs at least {2**levels} pixels each "
            f"way, and the images are {height}x{width}; want at most {int(math.log2(min(height, width)))} levels."
        )
    return [(-(-height // 2**level), -(-width // 2**level)) for level in range(levels + 1)]


def widths(family: str, name: str, values: Sequence[int], at_least: int) -> tuple[int, ...]:
    """Layer widths as a tuple of positive integers, at least so many of them."""
    if len(values) < at_least or not all(_positive(value) for value in values):
        raise UserError(f"{family}: got {name} {tuple(values)}, want whole numbers from 1 up, such as (32, 64).")
    return tuple(int(value) for value in values)


def latent_dim(value: int) -> int:
    """The number of latent dimensions, at least 1."""
    if not _positive(value):
        raise UserError(f"latent_dim: got {value!r}, want a whole number of dimensions, at least 1.")
    return int(value)


def activation(name: str) -> str:
    """The name of a Keras activation that keeps the shape."""
    try:
        function = keras.activations.get(name)
    except ValueError:
        names = [entry for entry in dir(keras.activations) if _keeps_shape(getattr(keras.activations, entry))]
        raise UserError(
            f"activation: got {name!r}{nearest(str(name), names)}, want a Keras activation: {', '.join(names)}."
        ) from None
    if not _keeps_shape(function):
        raise UserError(f"activation: {name!r} changes the shape or needs arguments; want one such as relu or gelu.")
    return name


def bounds(low_high: Sequence[float]) -> tuple[float, float]:
    """The range of z_log_var: two finite numbers, the lower first."""
    values = tuple(low_high)
    if len(values) != 2 or not all(math.isfinite(value) for value in values) or values[0] >= values[1]:
        raise UserError(
            f"z_log_var_range: got {values}, want two finite numbers, the lower one first, such as (-16, 8)."
        )
    return float(values[0]), float(values[1])


def parameters(names: Sequence[str]) -> tuple[str, ...]:
    """The names of the decoder's outputs: at least one, all different."""
    if isinstance(names, str) or not names or len(set(names)) != len(names):
        raise UserError(f"parameters: got {names!r}, want a tuple of different names, such as ('mean', 'log_scale').")
    return tuple(names)


def _positive(value: object) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool) and int(value) >= 1


def _keeps_shape(function: object) -> bool:
    probe = keras.KerasTensor((None, 8))
    try:
        return function(probe).shape == probe.shape  # type: ignore[operator]
    except (TypeError, ValueError, AttributeError, KeyError):
        return False
