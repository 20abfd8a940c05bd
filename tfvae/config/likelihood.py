"""Section `likelihood`: p(x|z)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from tfvae.config.options import Choice, option

_LIKELIHOOD = "p(x|z); mse is the Gaussian of scale 1/sqrt(2)"


@dataclass(frozen=True)
class Likelihood(Choice):
    """Settings that all likelihoods share."""

    kind: ClassVar[str] = "likelihood"
    name: str = option("bernoulli", _LIKELIHOOD)


@dataclass(frozen=True)
class Bernoulli(Likelihood):
    """Values in {0, 1}, or grey levels read as probabilities."""


@dataclass(frozen=True)
class ContinuousBernoulli(Likelihood):
    """Values in [0, 1]."""

    name: str = option("continuous_bernoulli", _LIKELIHOOD)


@dataclass(frozen=True)
class Gaussian(Likelihood):
    """Real values, with normal errors."""

    name: str = option("gaussian", _LIKELIHOOD)
    scale: float = option(1.0, "the scale; its initial value if it is trained", unit="model units", above=0.0)
    scale_mode: str = option(
        "fixed",
        "fixed; shared: one trained number; per_pixel: predicted by the decoder for each value",
        choices=("fixed", "shared", "per_pixel"),
    )


@dataclass(frozen=True)
class Laplace(Gaussian):
    """Real values, with Laplace errors, which have heavier tails."""

    name: str = option("laplace", _LIKELIHOOD)


@dataclass(frozen=True)
class Mse(Likelihood):
    """The squared error, in nats."""

    note: ClassVar[str] = "mse is the Gaussian of scale 1/sqrt(2): log p = -(squared error) - log(pi)/2 per value."
    name: str = option("mse", _LIKELIHOOD)

    def arguments(self) -> dict[str, Any]:
        return {"scale": math.sqrt(0.5)}
