"""What an export starts from: the float32 model of a run, and the examples that files are calibrated and judged on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfvae import noise
from tfvae.data import load, pipeline
from tfvae.data.splits import Split
from tfvae.errors import UserError
from tfvae.export.functions import Functions
from tfvae.models.float32 import to_float32
from tfvae.models.vae import VAE
from tfvae.runs import saved
from tfvae.runs.folder import Run

JUDGED = 1000  # latents of either kind, and the examples that the posterior ones come from
CALIBRATING = 1000


@dataclass(frozen=True, eq=False)
class Subject:
    """A trained model and its data, ready for export.

    Attributes:
      run: where it comes from.
      functions: what is exported.
      test: `[JUDGED, *event]` test examples in model units, the first ones, again from the start where there are fewer.
      training: `[n, *event]` training examples in model units, at most CALIBRATING.
    """

    run: Run
    functions: Functions
    test: np.ndarray
    training: np.ndarray


def of(run: Run) -> Subject:
    """Reads the model and the data of a run.

    Raises:
      UserError: the run has not ended, or its model or its data cannot be read.
    """
    if not run.ended:
        raise UserError(
            f"{run.folder}: the run has not ended; go on with it: python -m tfvae.train --out {run.folder} --resume."
        )
    vae = to_float32(saved.load(run.folder, run.allow_code))
    data = load.for_recipe(run.config)
    if tuple(data.shape) != vae.event_shape:
        raise UserError(
            f"{run.folder}: its data are now {list(data.shape)} an example, and the model was trained on "
            f"{list(vae.event_shape)}; put back the data of data.{data.name}, or train anew."
        )
    if not len(data.test):
        raise UserError(
            f"{run.folder}: its data have no test examples, which the files are judged on; want at least one."
        )
    test = _model_units(run, vae, data.test, JUDGED)
    return Subject(
        run, Functions(vae), np.resize(test, (JUDGED, *test.shape[1:])), _model_units(run, vae, data.train, CALIBRATING)
    )


def _model_units(run: Run, vae: VAE, split: Split, count: int) -> np.ndarray:
    """As the evaluation at the end of training gave them to the model."""
    raw = tf.constant(pipeline.first(split, count))
    address = noise.Address(run.config.seed, noise.BINARISATION, noise.LAST_STEP)
    x: np.ndarray = pipeline.model_units(raw, vae.scaling, run.config.data.binarize, address).numpy()
    return x
