"""A model out of its run folder, and into it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import keras

from tfvae.errors import UserError
from tfvae.models.vae import VAE
from tfvae.runs.folder import Run


def load(folder: str | Path) -> VAE:
    """The trained model of a run folder, with the best weights.

    Raises:
      UserError: no run is there, or it has not ended, or its model cannot be read.

    Example:
      `tfvae.load("runs/digits").sample(16, seed=0)`
    """
    if Path(folder).suffix == ".keras":
        raise UserError(
            f"{folder}: a model, not a run folder; keras.models.load_model reads it, once tfvae is imported."
        )
    run = Run.open(folder)
    if not run.model.is_file():
        raise UserError(f"{run.folder}: the run has not ended; go on with it: --out {run.folder} --resume.")
    try:
        return keras.models.load_model(run.model)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{run.model}: cannot be read ({' '.join(str(error).split())[:200]}).") from error
