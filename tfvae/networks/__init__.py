"""Encoders and decoders as plain functional `keras.Model`s: they load anywhere, without tfvae.

A new family is one module with `encoder(...)` and `decoder(...)`, its settings, and one row in `tfvae.catalog`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from tfvae import catalog, config
from tfvae.errors import UserError
from tfvae.networks import conv, heads, mlp, resnet

__all__ = ["build", "conv", "default_latent_dim", "latent_shape", "mlp", "resnet"]


def build(
    settings: config.Network,
    input_shape: tuple[int, ...],
    parameters: heads.Parameters = ("logits",),
    *,
    outputs: Mapping[str, heads.Shape] | None = None,
    condition: int | None = None,
) -> tuple[keras.Model, keras.Model]:
    """The encoder and the decoder that the settings ask for.

    Weights come from Keras's own initialisers: `keras.utils.set_random_seed` before the call fixes them. Precision is
    that of `keras.config.dtype_policy()`; the outputs are float32 at least.

    Args:
      settings: section `network` of the configuration.
      input_shape: shape of one example; `[height, width, channels]` for conv and resnet, any for mlp.
      parameters: names of the decoder's outputs, or names and shapes, as the likelihood reads them.
      outputs: names and shapes of the encoder's outputs, as the posterior reads them; None: `[z_mean, z_log_var]`.
      condition: C of a second input y `[batch, C]` of both; None: there is none.

    Returns:
      encoder: x `[batch, *input_shape]`, or `[x, y]`, to `[z_mean, z_log_var]`, each `[batch, *latent_shape]`.
      decoder: z `[batch, *latent_shape]`, or `[z, y]`, to one tensor `[batch, *input_shape]`, or, for several
        parameters, a dict of them.

    Raises:
      UserError: a name, a shape or a number that cannot be used.

    Example:
      >>> from tfvae.config.network import Mlp
      >>> encoder, decoder = build(Mlp(latent_dim=2), (28, 28, 1))
      >>> decoder.output_shape
      (None, 28, 28, 1)
    """
    family, own = catalog.load("network", settings.name), settings.arguments()
    own.pop("latent_shape", None)
    shape = latent_shape(settings)
    latent = shape[0] if len(shape) == 1 else shape
    # A network from outside has to take these only where they are needed.
    special: dict[str, Any] = {} if condition is None else {"condition": condition}
    of_encoder = special if outputs in (None, heads.gaussian(shape)) else {**special, "outputs": outputs}
    options = dict(activation=settings.activation, **own)
    bounds = settings.z_log_var_range
    encoder = family.encoder(input_shape, latent, z_log_var_range=bounds, **options, **of_encoder)
    return encoder, family.decoder(input_shape, latent, parameters, **options, **special)


def latent_shape(settings: config.Network) -> tuple[int, ...]:
    """The shape of z for one example: the settings' `latent_shape`, else `(D,)`.

    Raises:
      UserError: both are set, or an unknown family or variant.

    Example:
      >>> from tfvae.config.network import Conv, Mlp
      >>> latent_shape(Mlp(latent_dim=3)), latent_shape(Conv(latent_shape=(7, 7, 4)))
      ((3,), (7, 7, 4))
    """
    spatial = getattr(settings, "latent_shape", None)
    if spatial is None:
        return (default_latent_dim(settings),)
    if settings.latent_dim is not None:
        raise UserError(
            f"network.latent_shape: got {list(spatial)} and network.latent_dim {settings.latent_dim}; set one of them."
        )
    return tuple(spatial)


def default_latent_dim(settings: config.Network) -> int:
    """The latent dimension: `settings.latent_dim`, else what the family's `latent_dim_of` says of it, else 16.

    Raises:
      UserError: an unknown family or variant.

    Example:
      >>> from tfvae.config.network import Resnet
      >>> default_latent_dim(Resnet(variant="large"))
      256
    """
    of_family = getattr(catalog.load("network", settings.name), "latent_dim_of", lambda settings: 16)
    default: int = of_family(settings)
    return default if settings.latent_dim is None else settings.latent_dim
