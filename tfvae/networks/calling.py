"""Calls functional networks: one or two inputs, outputs by name whatever structure the network returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfvae.errors import UserError

Shape = tuple[int, ...]


def call(
    network: keras.Model, names: Sequence[str], x: tf.Tensor, y: tf.Tensor | None = None, training: bool = False
) -> dict[str, tf.Tensor]:
    """The network's outputs by name.

    Args:
      network: takes x, or `[x, y]`.
      names: of its outputs, in the order of an unnamed list.
      x: `[batch, …]`.
      y: `[batch, C]`; ignored by a network of one input.
      training: passed to the network.
    """
    outputs = network([x, y] if condition_size(network) is not None else x, training=training)
    return by_name(outputs, names)


def by_name(outputs: Any, names: Sequence[str]) -> dict[str, Any]:
    """Outputs as a dictionary: a single tensor gets the first name, a list is named by position.

    Example:
      >>> by_name([1, 2], ["z_mean", "z_log_var"])
      {'z_mean': 1, 'z_log_var': 2}
    """
    if isinstance(outputs, Mapping):
        return dict(outputs)
    listed = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    return dict(zip(names, listed, strict=len(listed) > len(names)))


def output_shapes(network: keras.Model, names: Sequence[str]) -> dict[str, Shape]:
    """The shape of each output for one example.

    Raises:
      UserError: the network has more outputs than there are names.
    """
    # Not `output_shape`, which is a list without names if the outputs are a dictionary.
    shapes = network.compute_output_shape(network.input_shape)
    if isinstance(shapes, Mapping):
        return {name: tuple(shape[1:]) for name, shape in shapes.items()}
    listed = [shapes] if not shapes or not isinstance(shapes[0], (tuple, list)) else shapes
    if len(listed) > len(names):
        raise UserError(
            f"{network.name}: got {len(listed)} outputs of shapes {[tuple(shape) for shape in listed]}, "
            f"expected {', '.join(names)}."
        )
    return {name: tuple(shape[1:]) for name, shape in zip(names, listed)}


def outputs(network: keras.Model) -> Any:
    """The network's symbolic outputs, in the structure in which it returns them."""
    return network._outputs_struct if hasattr(network, "_outputs_struct") else network.outputs


def input_shape(network: keras.Model) -> Shape:
    """The shape of the first input, x or z, for one example."""
    first: Shape = tuple(network.inputs[0].shape[1:])
    return first


def condition_size(network: keras.Model) -> int | None:
    """C of the second input y `[batch, C]`; None if there is no second input.

    Raises:
      UserError: there are more than two inputs, or the second is not of shape `[batch, C]`.
    """
    inputs = network.inputs
    if len(inputs) == 1:
        return None
    if len(inputs) > 2 or len(inputs[1].shape) != 2 or not inputs[1].shape[1]:
        shapes = [tuple(tensor.shape) for tensor in inputs]
        raise UserError(f"{network.name}: got inputs of shapes {shapes}, expected x, or x and y [batch, C].")
    return int(inputs[1].shape[1])
