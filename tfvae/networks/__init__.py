"""Encoders and decoders as plain functional `keras.Model`s: they load anywhere, without tfvae.

A new family is one module with `encoder(...)` and `decoder(...)`, and one branch in `build`.
"""

from __future__ import annotations

import keras

from tfvae import config
from tfvae.errors import UserError
from tfvae.networks import conv, mlp, resnet

__all__ = ["build", "conv", "default_latent_dim", "mlp", "resnet"]

FAMILIES = ("mlp", "conv", "resnet")


def build(
    settings: config.Network, input_shape: tuple[int, ...], parameters: tuple[str, ...] = ("logits",)
) -> tuple[keras.Model, keras.Model]:
    """The encoder and the decoder that the settings ask for.

    Weights come from Keras's own initialisers: `keras.utils.set_random_seed` before the call fixes them. Precision is
    that of `keras.config.dtype_policy()`; the outputs are float32 at least.

    Args:
      settings: section `network` of the configuration.
      input_shape: shape of one example; `[height, width, channels]` for conv and resnet, any for mlp.
      parameters: names of the decoder's outputs, as the likelihood wants them.

    Returns:
      encoder: x `[batch, *input_shape]` to `[z_mean, z_log_var]`, each `[batch, latent]`.
      decoder: z `[batch, latent]` to one tensor `[batch, *input_shape]`, or, for several parameters, a dict of them.

    Raises:
      UserError: a name, a shape or a number that cannot be used.

    Example:
      >>> encoder, decoder = build(config.Network(latent_dim=2), (28, 28, 1))
      >>> decoder.output_shape
      (None, 28, 28, 1)
    """
    latent_dim = default_latent_dim(settings)
    activation, bounds = settings.activation, settings.z_log_var_range
    if settings.name == "mlp":
        return (
            mlp.encoder(input_shape, latent_dim, settings.hidden, activation, bounds),
            mlp.decoder(input_shape, latent_dim, parameters, settings.hidden, activation),
        )
    if settings.name == "conv":
        return (
            conv.encoder(input_shape, latent_dim, settings.filters, activation, bounds),
            conv.decoder(input_shape, latent_dim, parameters, settings.filters, activation),
        )
    variant = settings.variant or resnet.DEFAULT
    return (
        resnet.encoder(input_shape, latent_dim, variant, activation, bounds),
        resnet.decoder(input_shape, latent_dim, parameters, variant, activation),
    )


def default_latent_dim(settings: config.Network) -> int:
    """The latent dimension: `settings.latent_dim`, else that of the resnet's variant, else 16.

    Raises:
      UserError: an unknown family or variant.

    Example:
      >>> default_latent_dim(config.Network(name="resnet", variant="large"))
      256
    """
    if settings.name not in FAMILIES:
        close = config.nearest(settings.name, FAMILIES)
        raise UserError(f"network: got {settings.name!r}{close}, want one of {', '.join(FAMILIES)}.")
    variant_dim = resnet.find(settings.variant or resnet.DEFAULT).latent_dim if settings.name == "resnet" else 16
    return variant_dim if settings.latent_dim is None else settings.latent_dim
