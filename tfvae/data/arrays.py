"""Checks that apply to every array, whatever its source."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from tfvae.errors import UserError, listed


def examples(x: Any, what: str, event_shape: tuple[int, ...] | None = None) -> np.ndarray:
    """`[n, …]` in a dtype that TensorFlow supports; `[n, height, width]` becomes `[n, height, width, 1]`.

    Args:
      x: anything that NumPy reads as an array; its dtype is kept (booleans become float32).
      what: its name in messages, such as "x_train".
      event_shape: of the examples that a model expects, which then decides whether a channel axis is missing.

    Raises:
      UserError: x is not numeric, has fewer than two axes, is empty, has masked values, or holds NaN or infinity (names
        the first index).
    """
    unmasked(x, what)
    try:
        x = np.asarray(x)
    except ValueError as error:
        raise UserError(
            f"{what}: the rows have different lengths; expected one array of shape [examples, …]."
        ) from error
    if x.dtype.kind not in "biuf":
        raise UserError(f"{what}: got values of type {x.dtype}, expected numbers.")
    if x.ndim < 2:
        raise UserError(
            f"{what}: got shape {list(x.shape)}, expected [examples, features] or [examples, height, width]."
        )
    if x.size == 0:
        raise UserError(f"{what}: got shape {list(x.shape)}, which is empty; expected at least one example.")
    # NaN and infinity show in the extremes, without an array of answers as large as x.
    if x.dtype.kind == "f" and not np.isfinite([x.min(), x.max()]).all():
        first = tuple(int(i) for i in np.argwhere(~np.isfinite(x))[0])
        count = int(np.count_nonzero(~np.isfinite(x)))
        raise UserError(
            f"{what}: got {x[first]} at index {list(first)} ({count} such values in total), expected finite numbers; "
            "fix or remove those examples."
        )
    if x.dtype.kind == "b":
        x = x.astype(np.float32)
    elif x.dtype.kind == "f" and x.dtype.itemsize > 8:
        x = x.astype(np.float64)
    x = x.astype(x.dtype.newbyteorder("="), copy=False)
    if event_shape is not None:
        return np.asarray(with_channel(x, event_shape))
    return x[..., np.newaxis] if x.ndim == 3 else x


def unmasked(x: Any, what: str) -> None:
    """Raises:
    UserError: x is a masked array with masked values, which would be used as if they were not masked.
    """
    if np.ma.is_masked(x):
        raise UserError(
            f"{what}: {np.ma.count_masked(x)} values are masked, which a model cannot use; fill them, as in "
            "x.filled(0), or leave those examples out."
        )


def with_channel(x: Any, event_shape: tuple[int, ...]) -> Any:
    """x with an axis for a single channel if only that is missing, as in images `[n, 28, 28]` for `[n, 28, 28, 1]`.

    Example:
      >>> with_channel(np.zeros([5, 28, 28]), (28, 28, 1)).shape
      (5, 28, 28, 1)
    """
    missing = event_shape[-1:] == (1,) and tuple(x.shape[1:]) == tuple(event_shape[:-1]) and len(event_shape) > 1
    return x[..., None] if missing else x


def labels(y: Any, count: int, what: str) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """int64 `[n]` from integers, whole numbers, booleans or text; `[n, 1]` is flattened.

    Returns:
      The labels, and their names if they were text (numbered as in `named`), else None.

    Raises:
      UserError: the number of labels is not the number of examples, or a value is not a valid label.
    """
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.shape != (count,):
        raise UserError(f"{what}: got labels of shape {list(y.shape)} for {count} examples, expected [{count}].")
    if y.dtype.kind in "OT" and all(isinstance(value, str) for value in y):
        y = y.astype(str)
    if y.dtype.kind in "US":
        return named(list(np.char.decode(y, "utf-8", "replace") if y.dtype.kind == "S" else y))
    if y.dtype.kind not in "biuf":
        raise UserError(f"{what}: got labels of type {y.dtype}, expected integers or text.")
    # Beyond 2^53 neighbouring integers are the same float, and uint64 may not fit int64.
    invalid = (y != np.rint(y)) | ~np.isfinite(y) | (np.abs(y.astype(np.float64)) > 2**53)
    if invalid.any():
        first = int(np.argmax(invalid))
        raise UserError(f"{what}: got {y[first]} at index {first}, expected whole numbers as labels.")
    return y.astype(np.int64), None


def joint_labels(*parts: tuple[Any, int, str]) -> tuple[list[np.ndarray], tuple[str, ...] | None]:
    """`labels` of several splits, numbered together, so that a class missing from one does not shift another's numbers.

    Args:
      parts: for each split, the arguments of `labels`.

    Raises:
      UserError: see `labels`; or one split has numbers and the other text.
    """
    found = [labels(*part) for part in parts]
    texts = [names for _, names in found if names is not None]
    if not texts:
        return [numbers for numbers, _ in found], None
    if len(texts) < len(found):
        what = listed(part[2] for part in parts)
        raise UserError(f"{what}: one holds numbers and the other text; expected the same type in all.")
    joint, names = named([text[i] for (numbers, _), text in zip(found, texts, strict=True) for i in numbers])
    return np.split(joint, np.cumsum([len(numbers) for numbers, _ in found])[:-1]), names


def named(values: list[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Text as int64 labels, and the names: in numerical order if all are numbers, else in alphabetical order."""
    names = tuple(sorted({str(value) for value in values}))
    with contextlib.suppress(ValueError):
        names = tuple(sorted(names, key=float))
    number = {name: i for i, name in enumerate(names)}
    return np.array([number[str(value)] for value in values], np.int64), names
