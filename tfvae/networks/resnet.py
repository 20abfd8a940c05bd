"""Residual blocks with group normalisation, global average pooling in the encoder, a mirrored decoder.

GroupNorm and not BatchNorm: the result for an example depends on no other example, nor on how many replicas there are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import keras
from keras import layers

from tfvae.config.network import DEFAULT_VARIANT as DEFAULT
from tfvae.config.network import Resnet
from tfvae.errors import UserError, nearest
from tfvae.networks import checks, heads
from tfvae.networks import condition as conditions


class Variant(NamedTuple):
    """Channels of each level, each halving height and width, and the latent dimension that goes with them."""

    filters: tuple[int, ...]
    latent_dim: int


VARIANTS = {
    "micro": Variant((16, 32), 32),
    "small": Variant((32, 64), 64),
    "medium": Variant((32, 64, 128), 128),
    "large": Variant((64, 128, 256), 256),
    "xlarge": Variant((64, 128, 256, 512), 512),
}
MOST_GROUPS = 8


def find(name: str) -> Variant:
    """The variant of that name.

    Raises:
      UserError: there is none.

    Example:
      >>> find("micro").filters
      (16, 32)
    """
    if name not in VARIANTS:
        raise UserError(f"resnet: got variant {name!r}{nearest(name, VARIANTS)}, want one of {', '.join(VARIANTS)}.")
    return VARIANTS[name]


def latent_dim_of(settings: Resnet) -> int:
    """The latent dimension that goes with the variant.

    Raises:
      UserError: there is no such variant.
    """
    return find(settings.variant or DEFAULT).latent_dim


def encoder(
    input_shape: Sequence[int],
    latent_dim: int | Sequence[int] | None = None,
    variant: str | None = DEFAULT,
    activation: str = "relu",
    z_log_var_range: tuple[float, float] = (-16.0, 8.0),
    *,
    outputs: Mapping[str, heads.Shape] | None = None,
    condition: int | None = None,
) -> keras.Model:
    """A 3x3 convolution, one residual block of stride 2 a level, the average over the grid, the two heads.

    Args:
      input_shape: `[height, width, channels]`, height and width at least 8 and at least 2^levels, odd ones too.
      latent_dim: D; none: the variant's; or `(height, width, channels)` for latents on the smallest grid.
      variant: name of the variant; none: the default one.
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
      >>> encoder((32, 32, 3), variant="micro").output_shape
      [(None, 32), (None, 32)]

    Source: He et al., Identity Mappings in Deep Residual Networks, figure 1b, arXiv:1603.05027, with the GroupNorm of
    Wu and He, arXiv:1803.08494, instead of BatchNorm.
    """
    variant = variant or DEFAULT
    filters, default_dim = find(variant)
    family = f"resnet {variant}"
    grids = checks.grids(family, input_shape, len(filters))
    latent_shape = checks.latent_shape(default_dim if latent_dim is None else latent_dim, family, grids[-1])
    activation = checks.activation(activation)
    x = heads.image_or_vector(checks.shape(input_shape), "x")
    inputs, y = conditions.inputs(x, condition)
    features = _conv(conditions.beside(x, y, "x"), filters[0], "stem")
    for level, width in enumerate(filters):
        features = _down_block(features, width, activation, f"down_{level}")
    features = _normalised(features, activation, "last")
    if len(latent_shape) == 1:
        features = layers.GlobalAveragePooling2D(name="pool")(features)
    outputs = outputs or heads.gaussian(latent_shape)
    return keras.Model(inputs, heads.latent(features, outputs, z_log_var_range), name="encoder")


def decoder(
    output_shape: Sequence[int],
    latent_dim: int | Sequence[int] | None = None,
    parameters: heads.Parameters = ("logits",),
    variant: str | None = DEFAULT,
    activation: str = "relu",
    *,
    condition: int | None = None,
) -> keras.Model:
    """The encoder's mirror image: a Dense layer onto the smallest grid, one upsampling residual block a level, a head.

    Each level doubles the grid and crops it to the size that the encoder had there.

    Args:
      output_shape: `[height, width, channels]`.
      latent_dim: D; none: the variant's; or `(height, width, channels)` for latents on the smallest grid.
      parameters: names of the outputs, or names and shapes.
      variant: name of the variant; none: the default one.
      activation: a Keras activation by name.
      condition: C of a second input y `[batch, C]`; None: there is none.

    Returns:
      A model "decoder": z `[batch, *latent]`, or `[z, y]`, to `[batch, *output_shape]`, float32, or a dict of such by
      parameter.

    Raises:
      UserError: an argument that cannot be used.

    Example:
      >>> decoder((9, 13, 2), variant="micro").output_shape
      (None, 9, 13, 2)

    Source: as the encoder; nearest-neighbour upsampling after Odena et al., Deconvolution and Checkerboard Artifacts,
    doi:10.23915/distill.00003.
    """
    variant = variant or DEFAULT
    filters, default_dim = find(variant)
    family = f"resnet {variant}"
    grids = checks.grids(family, output_shape, len(filters))
    event_shape = checks.shape(output_shape)
    activation = checks.activation(activation)
    latent_shape = checks.latent_shape(default_dim if latent_dim is None else latent_dim, family, grids[-1])
    z = heads.image_or_vector(latent_shape, "z")
    inputs, y = conditions.inputs(z, condition)
    x = heads.onto_grid(conditions.beside(z, y, "z"), grids[-1], filters[-1])
    for level in range(len(filters) - 1, -1, -1):
        x = _up_block(x, filters[max(level - 1, 0)], grids[level], activation, f"up_{level}")
    features = _normalised(x, activation, "last")

    def head(name: str, size: heads.Shape) -> Any:
        return _conv(features, checks.channels(family, name, size, event_shape), name, dtype=heads.dtype())

    return keras.Model(inputs, heads.outputs(checks.parameters(parameters, event_shape), head), name="decoder")


def _down_block(x: Any, filters: int, activation: str, name: str) -> Any:
    shortcut = _conv(x, filters, f"{name}_shortcut", kernel=1, strides=2)
    x = _conv(_normalised(x, activation, f"{name}_1"), filters, f"{name}_conv_1", strides=2)
    x = _conv(_normalised(x, activation, f"{name}_2"), filters, f"{name}_conv_2")
    return layers.Add(name=name)([x, shortcut])


def _up_block(x: Any, filters: int, size: tuple[int, int], activation: str, name: str) -> Any:
    """Changes the channels on the small grid and convolves on the large one, in the reverse order of `_down_block`."""
    shortcut = _upsample(_conv(x, filters, f"{name}_shortcut", kernel=1), size, f"{name}_shortcut")
    x = _conv(_normalised(x, activation, f"{name}_1"), filters, f"{name}_conv_1")
    x = _upsample(_normalised(x, activation, f"{name}_2"), size, f"{name}_large")
    return layers.Add(name=name)([_conv(x, filters, f"{name}_conv_2"), shortcut])


def _normalised(x: Any, activation: str, name: str) -> Any:
    groups = math.gcd(x.shape[-1], MOST_GROUPS)
    x = layers.GroupNormalization(groups, name=f"{name}_norm")(x)
    return layers.Activation(activation, name=f"{name}_activation")(x)


def _conv(x: Any, filters: int, name: str, kernel: int = 3, strides: int = 1, dtype: str | None = None) -> Any:
    return layers.Conv2D(filters, kernel, strides=strides, padding="same", dtype=dtype, name=name)(x)


def _upsample(x: Any, size: tuple[int, int], name: str) -> Any:
    """Nearest neighbour to twice the grid, then cropped to `size` at the bottom and the right.

    Equal to the bit to `keras.ops.image.resize(..., interpolation="nearest")`, whose gradient XLA does not have, and to
    `UpSampling2D`, which TFLite does not convert with a dynamic batch. A pixel beside its copy is a run along the
    channels (columns), a row beside its copy a run along the columns (rows).
    """
    height, width, channels = x.shape[1:]
    x = layers.Concatenate(axis=3, name=f"{name}_columns")([x, x])
    x = layers.Reshape((height, 2 * width, channels), name=f"{name}_wide")(x)
    x = layers.Concatenate(axis=2, name=f"{name}_rows")([x, x])
    x = layers.Reshape((2 * height, 2 * width, channels), name=f"{name}_double")(x)
    spare = (2 * height - size[0], 2 * width - size[1])
    return layers.Cropping2D(((0, spare[0]), (0, spare[1])), name=f"{name}_crop")(x) if any(spare) else x
