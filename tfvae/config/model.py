"""Section `model`: the model family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tfvae.config.options import Choice, option


@dataclass(frozen=True)
class Model(Choice):
    """Settings that all families share."""

    kind: ClassVar[str] = "model"
    name: str = option("vae", "model family")


@dataclass(frozen=True)
class Vae(Model):
    """The variational autoencoder; its variants are settings of the objective."""
