"""Section `posterior`: q(z|x)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tfvae.config.options import Choice, option


@dataclass(frozen=True)
class Posterior(Choice):
    """Settings that all posteriors share."""

    kind: ClassVar[str] = "posterior"
    name: str = option("gaussian", "q(z|x)")


@dataclass(frozen=True)
class Gaussian(Posterior):
    """Independent normals: the encoder outputs z_mean and z_log_var."""
