"""Model families; each defines only what differs from the base class."""

from tfvae.models.base import LatentModel
from tfvae.models.results import Elbo, LogLikelihood, Samples
from tfvae.models.vae import VAE

__all__ = ["VAE", "Elbo", "LatentModel", "LogLikelihood", "Samples"]
