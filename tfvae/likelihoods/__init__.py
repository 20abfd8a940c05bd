"""Likelihoods p(x|z): Keras layers that read the decoder's outputs by name, in nats, summed over one example."""

from __future__ import annotations

from tfvae import catalog
from tfvae.config import Likelihood as Settings
from tfvae.config import from_dict
from tfvae.errors import UserError
from tfvae.likelihoods.base import Likelihood, Parameters
from tfvae.likelihoods.bernoulli import Bernoulli
from tfvae.likelihoods.continuous_bernoulli import ContinuousBernoulli
from tfvae.likelihoods.location_scale import SCALE_MODES, Gaussian, Laplace

__all__ = ["SCALE_MODES", "Bernoulli", "ContinuousBernoulli", "Gaussian", "Laplace", "Likelihood", "Parameters"]


def from_settings(settings: Settings) -> Likelihood:
    """The likelihood that the settings name; `mse` is the Gaussian of scale 1/sqrt(2).

    Raises:
      UserError: settings that the likelihood cannot use.

    Example:
      >>> from tfvae.config.likelihood import Laplace as Settings
      >>> from_settings(Settings(scale_mode="shared")).parameters
      ('mean',)
    """
    likelihood: Likelihood = catalog.load("likelihood", settings.name)(**settings.arguments(), name="likelihood")
    return likelihood


def named(likelihood: Likelihood | str) -> Likelihood:
    """The likelihood itself, or a fresh one of that name.

    Raises:
      UserError: no such name, with the nearest one.
    """
    if isinstance(likelihood, Likelihood):
        return likelihood
    if ":" in str(likelihood):  # it may come from a model's file, which must not choose what is imported
        raise UserError(f"likelihood: got {likelihood!r}, want the likelihood itself, or one of the names of tfvae.")
    return from_settings(from_dict(Settings, {"name": likelihood}, "likelihood"))
