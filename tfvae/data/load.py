"""Creates a data set from settings or from a user's arrays: reads it, splits it by seed, fits the scaling."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np

from tfvae import catalog
from tfvae.config import Config, Data
from tfvae.data import arrays, fingerprint, ownership, scaling
from tfvae.data.condition import Condition, of_split
from tfvae.data.scaling import Scaling
from tfvae.data.splits import DataSet, Known, OnDisk, Say, Source, Split
from tfvae.errors import UserError

_NOTHING: Known = MappingProxyType({})


def load(
    settings: Data, seed: int, condition: str = "none", *, known: Known = _NOTHING, say: Say = lambda text: None
) -> DataSet:
    """The data set that the settings name; `ownership.divide` says how it is split.

    Args:
      settings: the `data` section.
      seed: the run's seed.
      condition: what the model is conditioned on: none, label or attributes.
      known: files that were digested before, by name.
      say: called with a sentence now and then if reading takes long.

    Raises:
      UserError: the data cannot be used; the message names the file, row or index, and the fix.

    Example:
      >>> from tfvae.config.data import Digits
      >>> load(Digits(), seed=0).shape
      (8, 8, 1)
    """
    source, files = fingerprint.identified(read(settings, seed), known, say)
    splits, notes = ownership.divide(source, settings, seed)
    train, validation, test = (splits[name] for name in ("train", "validation", "test"))
    fitted = _fit(settings, source, train)
    meaning = _condition(condition, source, (train, validation, test))
    notes = (*source.notes, *notes, *ownership.classes(train, source.label_names), *ownership.shared(splits))
    return DataSet(
        name=settings.name,
        train=train,
        validation=validation,
        test=test,
        scaling=fitted,
        shape=_shape(train.x),
        label_names=source.label_names,
        feature_names=source.feature_names,
        notes=notes + _unseen(meaning),
        condition=meaning,
        binarize=settings.binarize,
        seed=seed,
        fingerprint=fingerprint.of(source, files),
        files=files,
    )


def for_recipe(recipe: Config, *, known: Known = _NOTHING, say: Say = lambda text: None) -> DataSet:
    """The data set of a whole configuration: its section `data`, its seed, and what its network is conditioned on.

    Args:
      recipe: the configuration.
      known: as in `load`.
      say: as in `load`.

    Raises:
      UserError: as `load`.
    """
    attributes = getattr(recipe.data, "attributes", ())
    if attributes and recipe.network.condition != "attributes":
        raise UserError(
            f"data.attributes: got {', '.join(attributes)}, but network.condition is {recipe.network.condition}; set "
            "network.condition=attributes, or leave data.attributes out."
        )
    return load(recipe.data, recipe.seed, recipe.network.condition, known=known, say=say)


def from_arrays(
    x: Any,
    y: Any = None,
    validation: Any = None,
    *,
    scaling: str | Scaling = "auto",
    event_shape: tuple[int, ...] | None = None,
) -> DataSet:
    """A data set of the user's arrays, for `VAE.fit`; its test split is empty.

    Args:
      x: `[n, …]` numbers; without `event_shape`, `[n, height, width]` becomes `[n, height, width, 1]`.
      y: labels `[n]`, or None.
      validation: `x_val`, or a tuple `(x_val,)` or `(x_val, y_val)`, or None for an empty validation split.
      scaling: a kind, to be fitted on x, or a fitted scaling.
      event_shape: of the examples that a model expects; a missing channel axis is then added.

    Raises:
      UserError: arrays that cannot be used or do not fit each other.

    Example:
      >>> from_arrays(np.zeros([4, 3])).scaling.kind
      'none'
    """
    x = arrays.examples(x, "x", event_shape)
    if validation is None:
        numbers, names = _labels(y, len(x), "y")
        train, held = Split(x, numbers), Split(x[:0], None if numbers is None else numbers[:0])
    else:
        train, held, names = _with_validation(x, y, validation, event_shape)
    fitted = scaling if isinstance(scaling, Scaling) else _fit_kind(scaling, x)
    return DataSet("arrays", train, held, train.take(np.arange(0)), fitted, _shape(train.x), names)


def read(settings: Data, seed: int) -> Source:
    """The content of the named source, before it is split and scaled.

    Raises:
      UserError: as `load`.
    """
    source = catalog.load("data", settings.name).from_settings(settings, seed)
    if not isinstance(source, Source):
        raise UserError(
            f"data.name: {settings.name} returned {type(source).__name__}, expected a tfvae.data.splits.Source."
        )
    return source


def _condition(kind: str, source: Source, splits: tuple[Split, Split, Split]) -> Condition | None:
    if kind == "none":
        return None
    y, names = splits[0].y, source.label_names
    if kind == "label" and y is not None and names is None:
        # Of all splits: the highest label may be in none of the training examples.
        highest = max(int(split.y.max(initial=-1)) for split in splits if split.y is not None)
        names = tuple(map(str, range(highest + 1)))
    return of_split(kind, y, names, source.attribute_names)


def _unseen(condition: Condition | None) -> tuple[str, ...]:
    """A note about the labels without a training example, which the model cannot learn."""
    if condition is None or condition.kind != "label" or all(condition.frequencies):
        return ()
    unseen = [name for name, share in zip(condition.names, condition.frequencies, strict=True) if not share]
    return (f"condition: no training example has the label {', '.join(unseen[:8])}.",)


def _fit(settings: Data, source: Source, train: Split) -> Scaling:
    kind = source.auto if settings.scaling == "auto" else settings.scaling
    x = train.x if isinstance(train.x, np.ndarray) else train.x.to_fit(kind)
    fitted = scaling.fit(kind, x, source.unit_maximum)
    low, high = x.min(), x.max()
    outside = fitted.kind == "z-score" or (fitted.kind == "none" and (low < 0 or high > 1))
    if settings.binarize != "none" and outside:
        raise UserError(
            f"data.binarize: got {settings.binarize} with {fitted.kind} scaling of values from {low:g} to {high:g}; "
            "expected values within [0, 1]: set data.scaling=min-max or data.binarize=none."
        )
    return fitted


def _fit_kind(kind: str, x: np.ndarray) -> Scaling:
    if kind not in ("auto", *scaling.KINDS):
        raise UserError(f"scaling: got {kind!r}, expected one of auto, {', '.join(scaling.KINDS)}.")
    return scaling.fit(kind, x)


def _shape(x: np.ndarray | OnDisk) -> tuple[int, ...]:
    return tuple(x.shape[1:]) if isinstance(x, np.ndarray) else x.shape


def _with_validation(
    x: np.ndarray, y: Any, validation: Any, event_shape: tuple[int, ...] | None
) -> tuple[Split, Split, tuple[str, ...] | None]:
    parts = validation if isinstance(validation, (tuple, list)) else (validation,)
    if len(parts) not in (1, 2):
        raise UserError(f"validation_data: got {len(parts)} parts, expected x_val or (x_val, y_val).")
    x_val = arrays.examples(parts[0], "validation x", event_shape)
    y_val = parts[1] if len(parts) == 2 else None
    if x_val.shape[1:] != x.shape[1:]:
        raise UserError(
            f"validation_data: an example has shape {list(x_val.shape[1:])}, but in x it has {list(x.shape[1:])}; "
            "expected the same shape."
        )
    if y is not None and y_val is not None:
        (a, b), names = arrays.joint_labels((y, len(x), "y"), (y_val, len(x_val), "validation y"))
        return Split(x, a), Split(x_val, b), names
    numbers, names = _labels(y, len(x), "y")
    return Split(x, numbers), Split(x_val, _labels(y_val, len(x_val), "validation y")[0]), names


def _labels(y: Any, count: int, what: str) -> tuple[np.ndarray | None, tuple[str, ...] | None]:
    return (None, None) if y is None else arrays.labels(y, count, what)
