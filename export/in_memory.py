"""The input of an export from a model in Python, such as one that `VAE.fit` trained, and the user's arrays."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tfvae.data import arrays
from tfvae.data.scaling import Scaling
from tfvae.data.splits import Split
from tfvae.errors import UserError, reason
from tfvae.export import latents, origin
from tfvae.export.subject import CALIBRATING, COMPARED, Subject, exportable
from tfvae.models import checks
from tfvae.models.base import LatentModel
from tfvae.models.float32 import to_float32
from tfvae.models.vae import VAE


class _Examples(NamedTuple):
    """The user's arrays after the checks: x in the units that it was passed in, y `[n, C]` or None."""

    x: np.ndarray
    y: np.ndarray | None

    def first(self, vae: VAE, count: int) -> np.ndarray:
        """The first examples, float32, model units."""
        return _scaling(vae, self.x).forward(self.x[:count])

    def first_y(self, count: int) -> np.ndarray | None:
        """Their conditions."""
        return None if self.y is None else self.y[:count]


def of(model: LatentModel, x_test: Any, y: Any = None, x_train: Any = None, y_train: Any = None) -> Subject:
    """The model in float32, and the user's arrays in model units.

    Args:
      model: a trained model.
      x_test: `[n, …]` examples: integers in the user's units, floats in model units.
      y: the condition of x_test; ignored for a model without a condition.
      x_train: `[n, …]` examples for calibration; None: x_test.
      y_train: the condition of x_train.

    Raises:
      UserError: the model has nothing to export, or the arrays cannot be used or do not fit it.
    """
    vae = exportable(_copy(model), "export")
    test = _examples(vae, x_test, y, "x_test", "y")
    training = test if x_train is None else _examples(vae, x_train, y_train, "x_train", "y_train")
    x = np.resize(test.first(vae, COMPARED), (COMPARED, *vae.event_shape))
    return Subject(
        _origin(model, vae, test, training),
        vae,
        x,
        training.first(vae, CALIBRATING),
        latents.repeated(test.first_y(COMPARED), COMPARED),
        training.first_y(CALIBRATING),
    )


def _copy(model: LatentModel) -> VAE:
    try:
        vae: VAE = to_float32(model)
    except Exception as error:
        why = reason(_first(error))
        raise UserError(
            f"export: {type(model).__name__} cannot be copied in float32 ({why}); as for saving, your own classes and "
            "functions need @keras.saving.register_keras_serializable(), and classes get_config."
        ) from error
    return vae


def _first(error: BaseException) -> BaseException:
    """The error that others followed from: Keras wraps the one that names the class in one that names the network."""
    while earlier := error.__cause__ or error.__context__:
        error = earlier
    return error


def _examples(vae: VAE, x: Any, y: Any, what: str, what_y: str) -> _Examples:
    x = arrays.examples(x, what, vae.event_shape)
    checks.shape(x.shape, vae.event_shape, what)
    checks.values(Split(x), _scaling(vae, x), vae.likelihood, what)
    x = x.astype(np.float32, copy=False) if x.dtype.kind == "f" else x
    if vae.condition is None:
        return _Examples(x, None)
    if y is None:
        names = ", ".join(vae.condition.names[:8])
        raise UserError(f"{what_y}: the model is conditioned on {names}; pass {what_y} for each example of {what}.")
    try:
        return _Examples(x, vae.condition.encode(np.asarray(y), len(x)))
    except UserError as error:
        raise UserError(f"{what_y}: {str(error).removeprefix('y: ')}") from error


def _scaling(vae: VAE, x: np.ndarray) -> Scaling:
    return Scaling.identity() if x.dtype.kind == "f" else vae.scaling


def _origin(model: LatentModel, vae: VAE, test: _Examples, training: _Examples) -> origin.Origin:
    calibrated = "the same examples" if training is test else f"{min(len(training.x), CALIBRATING):,} of x_train"
    return origin.of_model(
        model,
        figures=vae.evaluate(test.x, test.y),
        examples=len(test.x),
        data={
            "source": "not recorded, because the model was exported from Python and not from a run",
            "examples": f"{len(test.x):,} test examples, passed to the export; calibration with {calibrated}",
        },
    )
