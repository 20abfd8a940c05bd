"""Section `prior`: p(z)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tfvae.config.options import Choice, option

Matrix = tuple[tuple[float, ...], ...]

_PRIOR = "p(z); standard becomes diagonal if a variance is set, correlated if a mean, covariance or trainable is set"
_MEAN = "mean, D numbers; none: zero"
_TRAINABLE = "train the mean and the scale (Cholesky factor of the covariance), starting from the values set here"


@dataclass(frozen=True)
class Prior(Choice):
    """Settings that all priors share."""

    kind: ClassVar[str] = "prior"
    name: str = option("standard", _PRIOR)


@dataclass(frozen=True)
class Standard(Prior):
    """N(0, I)."""

    becomes: ClassVar[dict[str, str]] = {
        "variance": "diagonal",
        "mean": "correlated",
        "covariance": "correlated",
        "trainable": "correlated",
    }


@dataclass(frozen=True)
class Diagonal(Prior):
    """N(m, diag(s^2))."""

    name: str = option("diagonal", _PRIOR)
    mean: tuple[float, ...] | None = option(None, _MEAN)
    variance: tuple[float, ...] | None = option(None, "variances, D numbers; none: one", above=0.0)
    trainable: bool = option(False, _TRAINABLE)


@dataclass(frozen=True)
class Correlated(Prior):
    """N(m, L L^T)."""

    name: str = option("correlated", _PRIOR)
    mean: tuple[float, ...] | None = option(None, _MEAN)
    covariance: Matrix | None = option(None, "covariance, D x D; none: identity")
    trainable: bool = option(False, _TRAINABLE)


@dataclass(frozen=True)
class Conditional(Prior):
    """p(z|y), a normal distribution for each condition."""

    name: str = option("conditional", _PRIOR)
    hidden: tuple[int, ...] = option((), "hidden widths of the network that outputs p(z|y)", minimum=1)
