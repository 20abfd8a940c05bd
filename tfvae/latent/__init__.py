"""The latent space: priors, posteriors, and the op that draws z and computes the KL."""

from tfvae.latent.priors import CorrelatedNormal, DiagonalNormal, StandardNormal
from tfvae.latent.sample import SampleAndKl, resolve, sample_and_kl

__all__ = ["CorrelatedNormal", "DiagonalNormal", "SampleAndKl", "StandardNormal", "resolve", "sample_and_kl"]
