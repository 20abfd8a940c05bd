"""Noise with an address, priors, and the op that draws z and computes the KL."""

from tfvae.latent.priors import CorrelatedNormal, DiagonalNormal, StandardNormal
from tfvae.latent.sample import LatentSample, resolve, sample_and_kl

__all__ = ["CorrelatedNormal", "DiagonalNormal", "LatentSample", "StandardNormal", "resolve", "sample_and_kl"]
