"""tfvae: train, judge, export and serve variational autoencoders with TensorFlow and Keras 3.

Names are loaded when they are first used, so that `python -m tfvae.train --help` needs no TensorFlow.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from tfvae import registering

# TensorFlow's start-up notices say nothing of the user's run; set the variable to see them.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

__version__ = "0.1.0"

_PLACES = {
    "Bernoulli": "tfvae.likelihoods",
    "Condition": "tfvae.data.condition",
    "ConditionalGaussian": "tfvae.latent.priors",
    "Config": "tfvae.config",
    "ContinuousBernoulli": "tfvae.likelihoods",
    "CorrelatedNormal": "tfvae.latent.priors",
    "DiagonalNormal": "tfvae.latent.priors",
    "Gaussian": "tfvae.likelihoods",
    "Laplace": "tfvae.likelihoods",
    "StandardNormal": "tfvae.latent.priors",
    "UserError": "tfvae.errors",
    "VAE": "tfvae.models.vae",
    "load": "tfvae.runs.saved",
    "sample_and_kl": "tfvae.latent.sample",
}
_MODULES = ("export",)  # that `import tfvae` is enough to use

__all__ = sorted(_PLACES)

if TYPE_CHECKING:
    from tfvae import export as export
    from tfvae.config import Config as Config
    from tfvae.data.condition import Condition as Condition
    from tfvae.errors import UserError as UserError
    from tfvae.latent.priors import ConditionalGaussian as ConditionalGaussian
    from tfvae.latent.priors import CorrelatedNormal as CorrelatedNormal
    from tfvae.latent.priors import DiagonalNormal as DiagonalNormal
    from tfvae.latent.priors import StandardNormal as StandardNormal
    from tfvae.latent.sample import sample_and_kl as sample_and_kl
    from tfvae.likelihoods import Bernoulli as Bernoulli
    from tfvae.likelihoods import ContinuousBernoulli as ContinuousBernoulli
    from tfvae.likelihoods import Gaussian as Gaussian
    from tfvae.likelihoods import Laplace as Laplace
    from tfvae.models.vae import VAE as VAE
    from tfvae.runs.saved import load as load


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"tfvae.{name}")
    if name not in _PLACES:
        raise AttributeError(f"module 'tfvae' has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(_PLACES[name]), name)
    registering.register()
    return found


def __dir__() -> list[str]:
    return [*__all__, *_MODULES, "__version__"]


registering.register_with_keras()
