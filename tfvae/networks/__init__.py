"""Encoders and decoders as plain functional `keras.Model`s: they load anywhere, without tfvae.

A new family is one module with `encoder(...)` and `decoder(...)`, its settings, and one row in `tfvae.catalog`.
"""

from __future__ import annotations

import keras

from tfvae import catalog, config
from tfvae.errors import UserError
from tfvae.networks import conv, mlp, resnet

__all__ = ["build", "conv", "default_latent_dim", "mlp", "resnet"]


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
      >>> from tfvae.config.network import Mlp
      >>> encoder, decoder = build(Mlp(latent_dim=2), (28, 28, 1))
      >>> decoder.output_shape
      (None, 28, 28, 1)
    """
    family, own = catalog.load("network", settings.name), settings.arguments()
    # No network takes these two yet: refused, and not passed over.
    if settings.condition != "none":
        raise UserError("network.condition: no network can be conditioned yet; leave it at none.")
    if own.pop("latent_shape", None) is not None:
        raise UserError("network.latent_shape: no network has a latent grid yet; set network.latent_dim.")
    latent_dim, activation = default_latent_dim(settings), settings.activation
    encoder = family.encoder(
        input_shape, latent_dim, activation=activation, z_log_var_range=settings.z_log_var_range, **own
    )
    return encoder, family.decoder(input_shape, latent_dim, parameters, activation=activation, **own)


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
