"""Strided convolutions down to a small grid, transposed convolutions back up.

With `filters=(32, 64, 128, 256)` and 64x64x3 images it is the usual four-level network for faces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import layers

from tfvae.networks import checks, heads
from tfvae.networks import condition as conditions

KERNEL = 4  # a multiple of the stride: each pixel gets as many taps as its neighbours, so no checkerboard


def encoder(
    input_shape: Sequence[int],
    latent_dim: int | Sequence[int],
    filters: Sequence[int] = (32, 64),
    activation: str = "relu",
    z_log_var_range: tuple[float, float] = (-16.0, 8.0),
    *,
    outputs: Mapping[str, heads.Shape] | None = None,
    condition: int | None = None,
) -> keras.Model:
    """One 4x4 convolution of stride 2 for each of `filters`, flattened into the two heads.

    Args:
      input_shape: `[height, width, channels]`, height and width at least 8 and at least 2^levels, odd ones too.
      latent_dim: D, or `(height, width, channels)` for latents on the smallest grid.
      filters: channels of each level; a level halves height and width, rounding up.
      activation: a Keras activation by name.
      z_log_var_range: smooth bounds of z_log_var (log variance).
      outputs: names and shapes that the posterior reads; None: `[z_mean, z_log_var]`.
      condition: C of a second input y `[batch, C]`; None: there is none.

    Returns:
      A model "encoder": x `[batch, *input_shape]`, or `[x, y]`, to `[z_mean, z_log_var]`, each `[batch, *latent]`,
      float32; or to the outputs asked for.

    Raises:
      UserError: an argument that cannot be used.

    Example:
      >>> encoder((64, 64, 3), 32, filters=(32, 64, 128, 256)).get_layer("down_3").output.shape
      (None, 4, 4, 256)

    Source: Ha and Schmidhuber, World Models, appendix A.1, arXiv:1803.10122; padding "same" instead of "valid", so that
    any size goes.
    """
    filters = checks.widths("conv", "filters", filters, 1)
    grids = checks.grids("conv", input_shape, len(filters))
    latent_shape = checks.latent_shape(latent_dim, "conv", grids[-1])
    activation = checks.activation(activation)
    x = heads.image_or_vector(checks.shape(input_shape), "x")
    inputs, y = conditions.inputs(x, condition)
    features = conditions.beside(x, y, "x")
    for level, width in enumerate(filters):
        features = layers.Conv2D(width, KERNEL, strides=2, padding="same", activation=activation, name=f"down_{level}")(
            features
        )
    if len(latent_shape) == 1:
        features = layers.Flatten(name="flatten")(features)
    outputs = outputs or heads.gaussian(latent_shape)
    return keras.Model(inputs, heads.latent(features, outputs, z_log_var_range), name="encoder")


def decoder(
    output_shape: Sequence[int],
    latent_dim: int | Sequence[int],
    parameters: heads.Parameters = ("logits",),
    filters: Sequence[int] = (32, 64),
    activation: str = "relu",
    *,
    condition: int | None = None,
) -> keras.Model:
    """The encoder's mirror image: a Dense layer onto the smallest grid, then a transposed convolution for each level.

    Each level doubles the grid and crops it to the size that the encoder had there; the last one is the head.

    Args:
      output_shape: `[height, width, channels]`.
      latent_dim: D, or `(height, width, channels)` for latents on the smallest grid.
      parameters: names of the outputs, or names and shapes.
      filters: channels as the encoder has them.
      activation: a Keras activation by name.
      condition: C of a second input y `[batch, C]`; None: there is none.

    Returns:
      A model "decoder": z `[batch, *latent]`, or `[z, y]`, to `[batch, *output_shape]`, float32, or a dict of such by
      parameter.

    Raises:
      UserError: an argument that cannot be used.

    Example:
      >>> decoder((9, 13, 2), 4).output_shape
      (None, 9, 13, 2)

    Source: as the encoder.
    """
    filters = checks.widths("conv", "filters", filters, 1)
    grids = checks.grids("conv", output_shape, len(filters))
    event_shape = checks.shape(output_shape)
    activation = checks.activation(activation)
    z = heads.image_or_vector(checks.latent_shape(latent_dim, "conv", grids[-1]), "z")
    inputs, y = conditions.inputs(z, condition)
    x = heads.onto_grid(conditions.beside(z, y, "z"), grids[-1], filters[-1], activation)
    for level in range(len(filters) - 1, 0, -1):
        x = _up(x, filters[level - 1], grids[level], activation, f"up_{level}")

    def head(name: str, size: heads.Shape) -> Any:
        channels = checks.channels("conv", name, size, event_shape)
        return _up(x, channels, grids[0], "linear", name, heads.dtype())

    return keras.Model(inputs, heads.outputs(checks.parameters(parameters, event_shape), head), name="decoder")


def _up(x: Any, filters: int, size: tuple[int, int], activation: str, name: str, dtype: str | None = None) -> Any:
    """Doubles the grid, then crops to `size` at the bottom and the right."""
    spare = tuple(2 * old - new for old, new in zip(x.shape[1:3], size, strict=True))
    x = layers.Conv2DTranspose(
        filters,
        KERNEL,
        strides=2,
        padding="same",
        activation=activation,
        dtype=dtype,
        name=f"{name}_full" if any(spare) else name,
    )(x)
    if any(spare):
        x = layers.Cropping2D(((0, spare[0]), (0, spare[1])), dtype=dtype, name=name)(x)
    return x
