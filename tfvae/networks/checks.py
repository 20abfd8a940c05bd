"""What the networks refuse, and in which words."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence

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


def latent_shape(value: int | Sequence[int], family: str, grid: tuple[int, int] | None = None) -> tuple[int, ...]:
    """The shape of z for one example: `(D,)` for a number of dimensions, or `(height, width, channels)`.

    Args:
      value: the number, or the shape.
      family: of networks, for the sentence.
      grid: height and width of the smallest grid of the network; None: it has none.

    Raises:
      UserError: another shape, or spatial latents off that grid; with the shape that fits.
    """
    sizes = (value,) if isinstance(value, numbers.Integral) else value
    if not isinstance(sizes, Sequence) or len(sizes) not in (1, 3) or not all(_positive(size) for size in sizes):
        raise UserError(
            f"latent_dim: got {value!r}, want a whole number of dimensions, at least 1, or [height, width, channels]."
        )
    if len(sizes) == 3 and grid is None:
        raise UserError(f"network.latent_shape: got {list(sizes)}, and {family} gives vectors; take conv or resnet.")
    if len(sizes) == 3 and grid is not None and tuple(sizes[:2]) != grid:
        raise UserError(
            f"network.latent_shape: got {list(sizes)}, and the smallest grid of this {family} is {grid[0]}x{grid[1]}; "
            f"want [{grid[0]}, {grid[1]}, {sizes[2]}], or another number of levels."
        )
    return tuple(int(size) for size in sizes)


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


def parameters(
    names: Sequence[str] | Mapping[str, tuple[int, ...]], event_shape: tuple[int, ...]
) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the decoder's outputs; bare names, all different, have the shape of the event."""
    if isinstance(names, Mapping) and names:
        return {name: shape(size) for name, size in names.items()}
    if isinstance(names, str) or not names or len(set(names)) != len(names):
        raise UserError(f"parameters: got {names!r}, want a tuple of different names, such as ('mean', 'log_scale').")
    return dict.fromkeys(names, event_shape)


def channels(family: str, name: str, size: tuple[int, ...], event_shape: tuple[int, ...]) -> int:
    """The channels of a decoder output that has height and width of the event.

    Raises:
      UserError: another height or width, which a network of images cannot give.
    """
    if size[:-1] != event_shape[:-1]:
        raise UserError(
            f"{family}: the likelihood wants {name} of shape {size} for images of shape {event_shape}; want the same "
            "height and width, or take network mlp, which gives any shape."
        )
    return size[-1]


def _positive(value: object) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool) and int(value) >= 1


def _keeps_shape(function: object) -> bool:
    probe = keras.KerasTensor((None, 8))
    try:
        return function(probe).shape == probe.shape  # type: ignore[operator]
    except (TypeError, ValueError, AttributeError, KeyError):
        return False
