"""The examples that `fit` is called with: arrays, or batches from an iterable, as a data set."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np

from tfvae.data import arrays, given, load
from tfvae.data import scaling as scalings
from tfvae.data.condition import Condition
from tfvae.data.scaling import Scaling
from tfvae.data.splits import DataSet, Split
from tfvae.errors import UserError
from tfvae.models import checks
from tfvae.runs import conditioning

RAW = "iub"  # kinds of dtype in the user's units, such as pixels 0 to 255; floats are in model units
_BATCH_SIZE = 128


class Given(NamedTuple):
    """What the user passed to `fit`, as Keras names it."""

    x: Any
    y: Any = None
    batch_size: int | None = None
    validation_data: Any = None
    validation_split: float = 0.0
    steps_per_epoch: int | None = None
    validation_steps: int | None = None


def are_batches(passed: Given) -> bool:
    """Whether the user passed batches, and not an array of all examples."""
    return given.is_iterable(passed.x)


def read(model: Any, passed: Given, say: Callable[[str], None]) -> tuple[DataSet, int]:
    """The data set, and the batch size.

    Args:
      model: the model to be trained.
      passed: the arguments of `fit`.
      say: called with sentences to print.

    Raises:
      UserError: examples that cannot be used, or do not fit the model or each other.
    """
    if passed.x is None:
        raise UserError("fit: got no x, expected examples.")
    passed = passed._replace(validation_data=_validation(model, passed))
    return (_batches if are_batches(passed) else _arrays)(model, passed, say)


def accept(model: Any, data: DataSet, passed: Given) -> None:
    """Takes over the scaling and the condition that the examples define."""
    if data.condition is not None:
        model.condition = data.condition
    if _dtype(data.train).kind in RAW:
        model.scaling = data.scaling


def _arrays(model: Any, passed: Given, say: Callable[[str], None]) -> tuple[DataSet, int]:
    if passed.steps_per_epoch is not None:
        raise UserError(
            "fit: got steps_per_epoch with an array, of which an epoch is one pass; leave it out, or pass a part of x."
        )
    x, y = arrays.examples(passed.x, "x", model.event_shape), passed.y
    checks.shape(x.shape, model.event_shape)
    if np.ndim(passed.x) < x.ndim:
        say(f"x: a channel axis was added, {list(np.shape(passed.x))} is now {list(x.shape)}.")
    if model.condition_size is None and y is not None and np.shape(y) == np.shape(passed.x):
        say("y: is as large as x and is left out: a VAE reconstructs x.")
        y = None
    x, y, validation = _parted(x, y, passed)
    if model.condition_size is None:
        data = load.from_arrays(x, y, validation, scaling=_scaling(model, x), event_shape=model.event_shape)
    else:
        data = conditioning.from_arrays(model, x, y, validation, _scaling(model, x))
    checks.familiar(model, data.train, data.scaling)
    return data, min(_BATCH_SIZE, len(x)) if passed.batch_size is None else passed.batch_size


def _batches(model: Any, passed: Given, say: Callable[[str], None]) -> tuple[DataSet, int]:
    for name, value, instead in (
        ("y", passed.y, "batches are (x, y)"),
        ("batch_size", passed.batch_size, "the batches have a size already"),
        ("validation_split", passed.validation_split or None, "pass validation_data"),
    ):
        if value is not None:
            raise UserError(f"fit: got {name} with an iterable x; {instead}.")
    source = given.Given(passed.x, model.event_shape, passed.steps_per_epoch)
    for note in source.notes:
        say(note)
    say("x: batches are trained on in the order in which they come; to repeat this training exactly is up to them.")
    first, condition = source.first, model.condition
    if model.condition_size is not None and condition is None:
        condition = Condition("label", tuple(map(str, range(model.condition_size))))
    scaling = _scaling(model, first.x)
    fitted = scaling if isinstance(scaling, Scaling) else scalings.fit(scaling, first.x)
    checks.values(Split(first.x), fitted, model.likelihood)
    checks.familiar(model, Split(first.x), fitted)
    x_val, y_val = _pair(passed.validation_data)
    held = Split(np.zeros([0, *model.event_shape], first.x.dtype))
    if x_val is not None:
        x_val = arrays.examples(x_val, "validation x", model.event_shape)
        checks.shape(x_val.shape, model.event_shape, "validation x")
        held = Split(x_val) if condition is None else conditioning.encoded(Split(x_val), y_val, condition)
    train, test = Split(cast(Any, source)), held.take(np.arange(0))
    return DataSet("batches", train, held, test, fitted, model.event_shape, condition=condition), source.batch_size


def _validation(model: Any, passed: Given) -> Any:
    """The validation data, with batches collected to arrays."""
    data, steps = passed.validation_data, passed.validation_steps
    if given.is_iterable(data):
        x, y = given.collected(data, model.event_shape, steps, "validation_data")
        return (x,) if y is None or model.condition_size is None else (x, y)
    if steps is not None:
        raise UserError("fit: got validation_steps without batches as validation_data; leave it out.")
    if isinstance(data, tuple) and len(data) == 3:
        raise UserError("validation_data: got three parts, of which sample weights are not supported; pass (x, y).")
    x, y = _pair(data)
    if model.condition_size is None and y is not None and np.shape(y) == np.shape(x):
        return (x,)
    return data


def _pair(data: Any) -> tuple[Any, Any]:
    if isinstance(data, (tuple, list)) and len(data) in (1, 2):
        return data[0], data[1] if len(data) == 2 else None
    return data, None


def _parted(x: np.ndarray, y: Any, passed: Given) -> tuple[np.ndarray, Any, Any]:
    """x, y and the validation data; those of `validation_split` are the last examples, as in Keras."""
    share = passed.validation_split
    if not share or passed.validation_data is not None:
        return x, y, passed.validation_data
    if not 0 < share < 1:
        raise UserError(f"fit: got validation_split={share!r}, expected a share between 0 and 1.")
    first = math.floor(len(x) * (1 - share))
    if first == 0 or first == len(x):
        raise UserError(f"fit: validation_split={share!r} of {len(x)} examples leaves none on one side.")
    y = None if y is None else np.asarray(y)
    held = (x[first:],) if y is None else (x[first:], y[first:])
    return x[:first], None if y is None else y[:first], held


def _scaling(model: Any, x: np.ndarray) -> str | Scaling:
    if x.dtype.kind not in RAW:
        return Scaling.identity()
    return "auto" if model.scaling.kind == "none" else model.scaling


def _dtype(split: Split) -> np.dtype:
    return split.x.dtype
