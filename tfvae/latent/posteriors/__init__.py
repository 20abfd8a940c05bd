"""Posteriors q(z|x): Keras layers that read the encoder's outputs by name."""

from tfvae.latent.posteriors.base import LatentSample, Posterior
from tfvae.latent.posteriors.gaussian import GaussianPosterior

__all__ = ["GaussianPosterior", "LatentSample", "Posterior"]
