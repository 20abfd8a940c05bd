"""Likelihoods p(x|z): Keras layers that read the decoder's outputs by name, in nats, summed over one example."""

from __future__ import annotations

import math
from typing import Any

from tfvae.config import Likelihood as Settings
from tfvae.config import from_dict
from tfvae.likelihoods.base import Likelihood, Parameters
from tfvae.likelihoods.bernoulli import Bernoulli
from tfvae.likelihoods.continuous_bernoulli import ContinuousBernoulli
from tfvae.likelihoods.location_scale import SCALE_MODES, Gaussian, Laplace

__all__ = ["SCALE_MODES", "Bernoulli", "ContinuousBernoulli", "Gaussian", "Laplace", "Likelihood", "Parameters"]


def from_settings(settings: Settings) -> Likelihood:
    """The likelihood that the settings name; `mse` is the Gaussian of scale 1/sqrt(2)."""
    located: dict[str, Any] = dict(scale=settings.scale, scale_mode=settings.scale_mode, name="likelihood")
    if settings.name == "mse":
        return Gaussian(scale=math.sqrt(0.5), name="likelihood")
    if settings.name == "gaussian":
        return Gaussian(**located)
    if settings.name == "laplace":
        return Laplace(**located)
    if settings.name == "continuous_bernoulli":
        return ContinuousBernoulli(name="likelihood")
    return Bernoulli(name="likelihood")


def named(likelihood: Likelihood | str) -> Likelihood:
    """The likelihood itself, or a fresh one of that name.

    Raises:
      UserError: no such name, with the nearest one.
    """
    if isinstance(likelihood, Likelihood):
        return likelihood
    return from_settings(from_dict(Settings, {"name": likelihood}, "likelihood"))
