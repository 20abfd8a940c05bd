"""Model families; each brings only what is new about it."""

from tfvae.models.results import Elbo, LogLikelihood, Loss, Samples, Schedule
from tfvae.models.vae import VAE

__all__ = ["VAE", "Elbo", "LogLikelihood", "Loss", "Samples", "Schedule"]
