"""Posteriors q(z|x): Keras layers that read the encoder's outputs by name."""

from __future__ import annotations

from tfvae import catalog
from tfvae.config.posterior import Posterior as Settings
from tfvae.latent.posteriors.base import LatentSample, Posterior
from tfvae.latent.posteriors.gaussian import GaussianPosterior

__all__ = ["GaussianPosterior", "LatentSample", "Posterior", "from_settings"]


def from_settings(settings: Settings, latent: str = "auto") -> Posterior:
    """The posterior that the settings name.

    Args:
      settings: section `posterior` of the configuration.
      latent: implementation of the latent op.

    Example:
      >>> from tfvae.config.posterior import Gaussian
      >>> from_settings(Gaussian()).outputs((2,))
      {'z_mean': (2,), 'z_log_var': (2,)}
    """
    posterior: Posterior = catalog.load("posterior", settings.name).from_settings(settings, latent)
    return posterior
