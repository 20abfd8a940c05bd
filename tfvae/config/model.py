"""Section `model`: the family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tfvae.config.options import Choice, option


@dataclass(frozen=True)
class Model(Choice):
    """What all families share."""

    kind: ClassVar[str] = "model"
    name: str = option("vae", "family of the model")


@dataclass(frozen=True)
class Vae(Model):
    """The variational autoencoder; its variants are settings of the objective."""
