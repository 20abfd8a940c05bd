"""Section `likelihood`: p(x|z)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from tfvae.config.options import Choice, option

_LIKELIHOOD = "p(x|z); mse is the Gaussian of scale 1/sqrt(2)"


@dataclass(frozen=True)
class Likelihood(Choice):
    """What all likelihoods share."""

    kind: ClassVar[str] = "likelihood"
    name: str = option("bernoulli", _LIKELIHOOD)


@dataclass(frozen=True)
class Bernoulli(Likelihood):
    """Values in {0, 1}, or grey levels taken as probabilities."""


@dataclass(frozen=True)
class ContinuousBernoulli(Likelihood):
    """Values in [0, 1]."""

    name: str = option("continuous_bernoulli", _LIKELIHOOD)


@dataclass(frozen=True)
class Gaussian(Likelihood):
    """Any numbers, with normal errors."""

    name: str = option("gaussian", _LIKELIHOOD)
    scale: float = option(1.0, "the scale, or where its training starts", unit="model units", above=0.0)
    scale_mode: str = option(
        "fixed", "fixed, one trained number, or the decoder's for each value", choices=("fixed", "shared", "per_pixel")
    )


@dataclass(frozen=True)
class Laplace(Gaussian):
    """Any numbers, with errors of heavier tails."""

    name: str = option("laplace", _LIKELIHOOD)


@dataclass(frozen=True)
class Mse(Likelihood):
    """The squared error, in nats."""

    note: ClassVar[str] = "mse is the Gaussian of scale 1/sqrt(2): log p = -(squared error) - log(pi)/2 a value."
    name: str = option("mse", _LIKELIHOOD)

    def arguments(self) -> dict[str, Any]:
        return {"scale": math.sqrt(0.5)}
