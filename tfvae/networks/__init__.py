"""Encoders and decoders as functional `keras.Model`s of built-in layers, which load without tfvae.

A new family is one module with `encoder(...)` and `decoder(...)`, its settings, and one row in `tfvae.catalog`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import keras

from tfvae import catalog, config
from tfvae.errors import UserError
from tfvae.networks import conv, heads, mlp, resnet

__all__ = ["build", "conv", "latent_dim", "latent_shape", "mlp", "resnet"]


def build(
    settings: config.Network,
    input_shape: tuple[int, ...],
    parameters: heads.Parameters = ("logits",),
    *,
    outputs: Mapping[str, heads.Shape] | None = None,
    condition: int | None = None,
) -> tuple[keras.Model, keras.Model]:
    """Builds the encoder and the decoder from the settings.

    Weights come from Keras's initialisers: call `keras.utils.set_random_seed` first to fix them. Precision is that of
    `keras.config.dtype_policy()`; the outputs are at least float32.

    Args:
      settings: section `network` of the configuration.
      input_shape: shape of one example; `[height, width, channels]` for conv and resnet, any for mlp.
      parameters: names of the decoder's outputs, or names and shapes, as the likelihood reads them.
      outputs: names and shapes of the encoder's outputs, as the posterior reads them; None: `[z_mean, z_log_var]`.
      condition: C of a second input y `[batch, C]` of both networks; None: no second input.

    Returns:
      encoder: x `[batch, *input_shape]`, or `[x, y]`, to `[z_mean, z_log_var]`, each `[batch, *latent_shape]`, or to
        `outputs`.
      decoder: z `[batch, *latent_shape]`, or `[z, y]`, to one tensor `[batch, *input_shape]`, or, for several
        parameters, a dict of them.

    Raises:
      UserError: a name, a shape or a number is invalid.

    Example:
      >>> from tfvae.config.network import Mlp
      >>> encoder, decoder = build(Mlp(latent_dim=2), (28, 28, 1))
      >>> decoder.output_shape
      (None, 28, 28, 1)
    """
    if keras.config.image_data_format() != "channels_last":
        raise UserError(
            "keras.config.image_data_format: got channels_first, but examples here are height, width, channels; call "
            'keras.config.set_image_data_format("channels_last").'
        )
    family, arguments = catalog.load("network", settings.name), settings.arguments()
    arguments.pop("latent_shape", None)
    shape = latent_shape(settings)
    latent = shape[0] if len(shape) == 1 else shape
    # Passed only when needed, so that a family from outside the package may omit these arguments.
    optional: dict[str, Any] = {} if condition is None else {"condition": condition}
    encoder_optional = optional if outputs in (None, heads.gaussian(shape)) else {**optional, "outputs": outputs}
    options = dict(activation=settings.activation, **arguments)
    bounds = settings.z_log_var_range
    for function, needed in ((family.encoder, encoder_optional), (family.decoder, optional)):
        _require_parameters(function, needed, settings.name)
    encoder = family.encoder(input_shape, latent, z_log_var_range=bounds, **options, **encoder_optional)
    return encoder, family.decoder(input_shape, latent, parameters, **options, **optional)


def _require_parameters(function: Callable[..., Any], needed: Mapping[str, Any], name: str) -> None:
    accepted = inspect.signature(function).parameters
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in accepted.values()):
        return
    for argument in needed:
        if argument not in accepted:
            what = "network.condition" if argument == "condition" else "this posterior"
            raise UserError(
                f"network.name: {name} cannot be used with {what}: its function {function.__name__} has no parameter "
                f"{argument}; add one (docs/extending.md), or choose another network."
            )


def latent_shape(settings: config.Network) -> tuple[int, ...]:
    """The shape of z for one example: the settings' `latent_shape`, which replaces `latent_dim`; else `(D,)`.

    Raises:
      UserError: an unknown family or variant.

    Example:
      >>> from tfvae.config.network import Conv, Mlp
      >>> latent_shape(Mlp(latent_dim=3)), latent_shape(Conv(latent_shape=(7, 7, 4)))
      ((3,), (7, 7, 4))
    """
    spatial = getattr(settings, "latent_shape", None)
    return (latent_dim(settings),) if spatial is None else tuple(spatial)


def latent_dim(settings: config.Network) -> int:
    """The latent dimension: `settings.latent_dim`, else the family's `latent_dim_of(settings)`, else 16.

    Raises:
      UserError: the family or variant is unknown.

    Example:
      >>> from tfvae.config.network import Resnet
      >>> latent_dim(Resnet(variant="large"))
      256
    """
    latent_dim_of = getattr(catalog.load("network", settings.name), "latent_dim_of", lambda settings: 16)
    default: int = latent_dim_of(settings)
    return default if settings.latent_dim is None else settings.latent_dim
