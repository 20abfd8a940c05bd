"""Priors p(z): Keras layers that declare their capabilities."""

from __future__ import annotations

from tfvae import catalog
from tfvae.config import Prior as Settings
from tfvae.latent.priors.base import Prior
from tfvae.latent.priors.conditional import ConditionalGaussian
from tfvae.latent.priors.gaussian import CorrelatedNormal, DiagonalNormal, GaussianPrior, StandardNormal

__all__ = [
    "ConditionalGaussian",
    "CorrelatedNormal",
    "DiagonalNormal",
    "GaussianPrior",
    "Prior",
    "StandardNormal",
    "from_settings",
]


def from_settings(settings: Settings, latent_shape: tuple[int, ...], condition_size: int | None = None) -> Prior:
    """The prior selected by the settings.

    Args:
      settings: section `prior` of the configuration.
      latent_shape: of z for one example.
      condition_size: C of y `[batch, C]`; None: the model is unconditional.

    Raises:
      UserError: the prior cannot use the settings.

    Example:
      >>> from tfvae.config.prior import Diagonal
      >>> from_settings(Diagonal(variance=(4.0, 0.25)), (2,)).scale.numpy().tolist()
      [2.0, 0.5]
    """
    prior: Prior = catalog.load("prior", settings.name).from_settings(settings, latent_shape, condition_size)
    return prior
