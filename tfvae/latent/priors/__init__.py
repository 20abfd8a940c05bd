"""Priors p(z): Keras layers that state what they can do."""

from tfvae.latent.priors.gaussian import CorrelatedNormal, DiagonalNormal, Prior, StandardNormal, from_settings

__all__ = ["CorrelatedNormal", "DiagonalNormal", "Prior", "StandardNormal", "from_settings"]
