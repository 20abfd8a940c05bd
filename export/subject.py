"""The input of an export: a float32 model, and examples for calibrating and comparing files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tfvae import config
from tfvae.data import views
from tfvae.errors import UserError
from tfvae.export import latents, origin
from tfvae.export.origin import Origin
from tfvae.models.float32 import to_float32
from tfvae.models.vae import VAE
from tfvae.runs import identity, saved
from tfvae.runs.folder import Run

COMPARED = 1000  # latents of either kind, and the examples for the posterior latents
CALIBRATING = 1000


@dataclass(frozen=True, eq=False)
class Subject:
    """A trained model and its data, ready for export.

    Attributes:
      origin: what is recorded about it.
      vae: under a float32 policy.
      test: `[COMPARED, *event]` the first test examples in model units, repeated if there are fewer.
      training: `[n, *event]` training examples in model units, at most CALIBRATING.
      test_y: `[COMPARED, C]` float32 conditions of the test examples; None for a model without a condition.
      training_y: `[n, C]` likewise.
    """

    origin: Origin
    vae: VAE
    test: np.ndarray
    training: np.ndarray
    test_y: np.ndarray | None = None
    training_y: np.ndarray | None = None


def of(
    run: Run, places: Sequence[str] = (), allow_changed_data: bool = False, say: Callable[[str], None] = print
) -> Subject:
    """Reads the model and the data of a run.

    Args:
      run: a finished run.
      places: where its data are now, as in `data.path=rows.csv`.
      allow_changed_data: accept data that differ from those of the training.
      say: called with sentences to print.

    Raises:
      UserError: the run has not finished, its model or data cannot be read, or the model has nothing to export.
    """
    if not run.ended:
        raise UserError(
            f"{run.folder}: the run has not finished; continue it: python -m tfvae.train --out {run.folder} --resume."
        )
    vae = exportable(to_float32(saved.load(run.folder, run.allow_code)), str(run.folder))
    run, data = identity.of_run(run, identity.placed(run, places), allow_changed=allow_changed_data, say=say)
    if tuple(data.shape) != vae.event_shape:
        raise UserError(
            f"{run.folder}: an example of its data now has shape {list(data.shape)}, but the model was trained on "
            f"{list(vae.event_shape)}; restore the original data of data.{data.name}, or start a new run."
        )
    if not len(data.test):
        raise UserError(
            f"{run.folder}: its data have no test examples to compare the files on; at least one is needed."
        )
    test, training = (
        views.first(data, split, count, condition=vae.condition)
        for split, count in (("test", COMPARED), ("train", CALIBRATING))
    )
    x = np.resize(test.x, (COMPARED, *test.x.shape[1:]))
    settings = {**run.facts, **config.to_dict(run.config)}
    source = origin.of_run(run.folder.resolve().name, settings, run.read_json("report.json"))
    if vae.condition is None:
        return Subject(source, vae, x, training.x)
    if test.y is None or training.y is None:
        raise UserError(
            f"{run.folder}: the model is conditioned on y, but its data no longer have any; restore the original data."
        )
    return Subject(source, vae, x, training.x, latents.repeated(test.y, COMPARED), training.y)


def exportable(vae: VAE, where: str) -> VAE:
    """The model itself.

    Args:
      vae: under a float32 policy.
      where: begins a message.

    Raises:
      UserError: it has no functions to export, or its condition is not known.
    """
    if not vae.signatures():
        raise UserError(f"{where}: {type(vae).__name__} has no functions to export (LatentModel.signatures).")
    if vae.condition_size is not None and vae.condition is None:
        raise UserError(
            f"{where}: the meaning of the model's y is not known; train it with tfvae.train or fit, or set "
            "model.condition."
        )
    return vae
