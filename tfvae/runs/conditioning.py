"""The y of `fit` for a conditional model: labels, which become one-hot rows, or attributes."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tfvae.data import load
from tfvae.data.condition import Condition, of_labels
from tfvae.data.scaling import Scaling
from tfvae.data.splits import DataSet, Split
from tfvae.errors import UserError


def from_arrays(model: Any, x: np.ndarray, y: Any, validation_data: Any, scaling: str | Scaling) -> DataSet:
    """The user's arrays as a data set with a condition.

    Args:
      model: has `condition_size`, and a `condition` or None.
      x: `[n, …]`.
      y: labels `[n]` as integers (-1: unlabelled) or text, or attributes `[n, C]`.
      validation_data: `(x_val, y_val)` or None.
      scaling: a kind, to be fitted on x, or a fitted scaling.

    Raises:
      UserError: y is missing, or does not fit the model's condition.
    """
    x_val, y_val = _pair(validation_data)
    if y is None or (x_val is not None and y_val is None):
        where = "fit" if y is None else "validation_data"
        raise UserError(f"{where}: the model is conditioned on {model.condition_size} values; pass y for each example.")
    condition: Condition | None = model.condition
    if condition is None and np.asarray(y).ndim == 2 and np.asarray(y).shape[1] > 1:
        condition = Condition("attributes", tuple(map(str, range(np.asarray(y).shape[1]))))
    if condition is None:
        return _labelled(model, x, y, validation_data, scaling)
    data = load.from_arrays(x, None, x_val, scaling=scaling, event_shape=model.event_shape)
    train = encoded(data.train, y, condition)
    if condition.kind == "label" and not condition.frequencies:
        assert train.y is not None
        condition = of_labels(train.y, condition.names)
    return dataclasses.replace(
        data,
        train=train,
        validation=encoded(data.validation, y_val, condition) if x_val is not None else data.validation,
        label_names=condition.names if condition.kind == "label" else None,
        condition=condition,
    )


def _pair(validation_data: Any) -> tuple[Any, Any]:
    if isinstance(validation_data, (tuple, list)) and len(validation_data) == 2:
        return validation_data[0], validation_data[1]
    return validation_data, None


def _labelled(model: Any, x: np.ndarray, y: Any, validation_data: Any, scaling: str | Scaling) -> DataSet:
    """The data set for a model whose condition is not known yet: the labels define it."""
    data = load.from_arrays(x, y, validation_data, scaling=scaling, event_shape=model.event_shape)
    labels, names = data.train.y, data.label_names or tuple(map(str, range(model.condition_size)))
    assert labels is not None
    found = np.concatenate([split.y for split in (data.train, data.validation) if split.y is not None])
    for label in (found.min(), found.max()):
        if not -1 <= label < len(names):
            raise UserError(
                f"y: got the label {label}, expected labels 0 to {len(names) - 1}, or -1 for an unlabelled example."
            )
    return dataclasses.replace(data, condition=of_labels(labels, names))


def encoded(split: Split, y: Any, condition: Condition) -> Split:
    """The split with y encoded by a known condition.

    Raises:
      UserError: y has the wrong shape or an unknown label.
    """
    rows = condition.encode(y, len(split))
    if condition.kind == "attributes":
        return Split(split.x, attributes=rows)
    labels = np.where(rows.any(axis=1), rows.argmax(axis=1), -1).astype(np.int64)
    if not np.array_equal(condition.encode(labels, len(split)), rows):
        raise UserError(
            "y: got rows that are not one-hot, expected labels, or one-hot rows (all zeros for an unlabelled example)."
        )
    return Split(split.x, labels)
