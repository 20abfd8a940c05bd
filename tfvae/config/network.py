"""Section `network`: the encoder and the decoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tfvae.config.options import Choice, option

DEFAULT_VARIANT = "small"
_FAMILY = "architecture of encoder and decoder"
_LATENT_SHAPE = "latents on the smallest grid, [h, w, c]; replaces latent_dim"


@dataclass(frozen=True)
class Network(Choice):
    """Settings that all networks share."""

    kind: ClassVar[str] = "network"
    name: str = option("mlp", _FAMILY)
    latent_dim: int | None = option(None, "number of latent dimensions D; none: as the variant, else 16", minimum=1)
    activation: str = option("relu", "any Keras activation by name")
    z_log_var_range: tuple[float, float] = option((-16.0, 8.0), "smooth bounds of z_log_var", unit="log variance")
    condition: str = option(
        "none", "what encoder and decoder are conditioned on", choices=("none", "label", "attributes")
    )

    def describe(self) -> str:
        """The size of the network in a few words, for the model card; may be empty."""
        return ""


@dataclass(frozen=True)
class Mlp(Network):
    """Dense layers."""

    hidden: tuple[int, ...] = option((512, 256), "hidden widths of the encoder; the decoder mirrors them", minimum=1)

    def describe(self) -> str:
        return f"widths {'-'.join(map(str, self.hidden))}"


@dataclass(frozen=True)
class Conv(Network):
    """Strided convolutions."""

    name: str = option("conv", _FAMILY)
    filters: tuple[int, ...] = option((32, 64), "channels of each level, each halving height and width", minimum=1)
    latent_shape: tuple[int, int, int] | None = option(None, _LATENT_SHAPE, minimum=1)

    def describe(self) -> str:
        return f"channels {'-'.join(map(str, self.filters))}"


@dataclass(frozen=True)
class Resnet(Network):
    """Residual blocks."""

    name: str = option("resnet", _FAMILY)
    variant: str | None = option(
        None, f"network size; none: {DEFAULT_VARIANT}", choices=("micro", "small", "medium", "large", "xlarge")
    )
    latent_shape: tuple[int, int, int] | None = option(None, _LATENT_SHAPE, minimum=1)

    def describe(self) -> str:
        return f"variant {self.variant or DEFAULT_VARIANT}"
