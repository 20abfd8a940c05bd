"""Export: writes a trained model to files that can be used without tfvae (imported as `tfvae.export`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfvae.export.options import Options

if TYPE_CHECKING:
    from tfvae.export.exporting import export

__all__ = ["Options", "export"]


def __getattr__(name: str) -> Any:
    if name != "export":
        raise AttributeError(f"module 'tfvae.export' has no attribute {name!r}")
    from tfvae.export import exporting  # here, because it imports TensorFlow, which --help must not do

    return exporting.export
