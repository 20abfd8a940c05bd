"""`encoder.keras` and `decoder.keras`: float32 copies that load in a process without tfvae."""

from __future__ import annotations

from tfvae.files import write
from tfvae.models.float32 import to_float32
from tfvae.models.vae import VAE
from tfvae.runs.folder import Run


def save(vae: VAE, run: Run) -> None:
    """Writes `model.keras`, `encoder.keras`, `decoder.keras` and `scaling.json` into the run folder."""
    # The whole model first: what happens to the other files must not cost it.
    # Prior and likelihood too: in float64 they would not work with float32 networks.
    copy = to_float32(vae)
    write(run.model, copy.save)
    write(run.folder / "encoder.keras", copy.encoder.save)
    write(run.folder / "decoder.keras", copy.decoder.save)
    run.write_json("scaling.json", vae.scaling.to_dict())
