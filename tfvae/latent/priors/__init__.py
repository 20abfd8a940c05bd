"""Priors p(z): Keras layers that state what they can do."""

from tfvae.latent.priors.base import Prior
from tfvae.latent.priors.gaussian import (
    CorrelatedNormal,
    DiagonalNormal,
    GaussianPrior,
    StandardNormal,
    from_settings,
)

__all__ = ["CorrelatedNormal", "DiagonalNormal", "GaussianPrior", "Prior", "StandardNormal", "from_settings"]
