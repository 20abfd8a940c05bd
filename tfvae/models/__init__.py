"""Model families; each brings only what is new about it."""

from tfvae.models.results import Elbo, LogLikelihood, Samples
from tfvae.models.vae import VAE
from tfvae.objectives.loss import Loss, Schedule

__all__ = ["VAE", "Elbo", "LogLikelihood", "Loss", "Samples", "Schedule"]
