"""CSV tables with a header, numeric columns and, optionally, a column of labels."""

from __future__ import annotations

import csv
import math
from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tfvae.config.data import Csv
from tfvae.data import arrays
from tfvae.data.formats import refuse_others
from tfvae.data.paths import existing_file
from tfvae.data.splits import Source, Split
from tfvae.errors import UserError, nearest

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-"})


def from_settings(settings: Csv, seed: int) -> Source:
    """See `read`."""
    path = existing_file(settings.path, "csv")
    refuse_others(path)
    return read(path, settings.label, settings.attributes)


def read(path: Path, label: str | None = None, attributes: tuple[str, ...] = ()) -> Source:
    """float64 rows `[n, columns]`, and labels numbered in the order of their names.

    Rows are numbered as lines in an editor: the header is row 1.

    Args:
      path: comma-separated UTF-8 with a header.
      label: name of the column of labels, numbers or text; None: no labels.
      attributes: names of numeric columns that condition the model and are not part of x.

    Raises:
      UserError: a value cannot be used (names its row and column).
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return _read(_rows(csv.reader(file, strict=True), path), path, label, attributes)
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start}); save the table as UTF-8 CSV.") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}).") from error


def _read(rows: Iterator[tuple[int, list[str]]], path: Path, label: str | None, attributes: tuple[str, ...]) -> Source:
    names = _header(rows, path)
    if label is not None and label not in names:
        raise UserError(
            f"data.label: {path} has no column {label!r}{nearest(label, names)}. Columns: {', '.join(names)}."
        )
    if len(set(attributes)) < len(attributes):
        raise UserError(f"data.attributes: got {', '.join(attributes)}, expected each column once.")
    for name in attributes:
        if name == label:
            raise UserError(f"data.attributes: {name} is the column of labels (data.label); leave it out.")
        if name not in names:
            raise UserError(
                f"data.attributes: {path} has no column {name!r}{nearest(name, names)}. Columns: {', '.join(names)}."
            )
    label_column = None if label is None else names.index(label)
    features = tuple(name for i, name in enumerate(names) if i != label_column)
    if not features:
        raise UserError(f"{path}: {label!r} is the only column; expected at least one numeric column besides it.")
    values, texts = array("d"), []
    for number, row in rows:
        if len(row) != len(names):
            raise UserError(f"{path}: row {number} has {len(row)} values, expected {len(names)} as in the header.")
        for i, text in enumerate(row):
            if i == label_column:
                texts.append(_label(text.strip(), number, names[i], path))
            else:
                values.append(_number(text.strip(), number, names[i], path))
    if not values:
        raise UserError(f"{path}: has a header but no rows; expected at least one.")
    table = np.frombuffer(values, np.float64).reshape(-1, len(features))
    x = table[:, [i for i, name in enumerate(features) if name not in attributes]]
    conditions = table[:, [features.index(name) for name in attributes]].astype(np.float32) if attributes else None
    features = tuple(name for name in features if name not in attributes)
    if not features:
        raise UserError(f"{path}: all columns are attributes; expected at least one numeric column for x.")
    y, label_names = arrays.named(texts) if texts else (None, None)
    constant = [name for name, low, high in zip(features, x.min(axis=0), x.max(axis=0)) if low == high]
    notes = tuple(
        f"Column {name} is constant: its density is unbounded, so the nats mean little; remove the column."
        for name in constant
    )
    return Source(
        Split(x, y, conditions),
        auto="z-score",
        label_names=label_names,
        feature_names=features,
        attribute_names=attributes,
        notes=notes,
    )


def _rows(reader: Iterator[list[str]], path: Path) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line on which it begins; empty lines at the end are skipped."""
    empty, line = 0, 1
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UserError(f"{path}: row {line} is not CSV ({error}).") from error
        if not row:
            empty = empty or line
        elif empty:
            raise UserError(f"{path}: row {empty} is empty; remove it, or fill in its values.")
        else:
            yield line, row
        line = reader.line_num + 1  # type: ignore[attr-defined]


def _header(rows: Iterator[tuple[int, list[str]]], path: Path) -> list[str]:
    names = [name.strip() for name in next(rows, (1, []))[1]]
    if not names:
        raise UserError(f"{path}: is empty; expected a header and rows of numbers.")
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        raise UserError(f"{path}: got {names[0]!r} as the only column; expected values separated by commas.")
    for i, name in enumerate(names):
        if not name:
            raise UserError(
                f"{path}: column {i + 1} has no name in row 1; expected a header with a name for each column."
            )
        if name in names[:i]:
            raise UserError(f"{path}: two columns are named {name!r} in row 1; expected different names.")
    if all(_parse(name) is not None for name in names):
        raise UserError(f"{path}: row 1 holds numbers; expected a header with the column names.")
    return names


def _label(text: str, row: int, column: str, path: Path) -> str:
    if text.lower() in MISSING - {"none", "-", "?"}:
        raise UserError(f"{path}: row {row}, column {column!r}: the label is missing; fill it in or remove the row.")
    return text


def _number(text: str, row: int, column: str, path: Path) -> float:
    value = _parse(text)
    if value is not None and math.isfinite(value):
        return value
    where = f"{path}: row {row}, column {column!r}"
    if text.lower() in MISSING:
        marker = f" ({text})" if text else ""
        raise UserError(f"{where}: the value is missing{marker}; fill it in or remove the row.")
    if value is not None:
        raise UserError(f"{where}: got {text}, expected a finite number.")
    raise UserError(
        f"{where}: got the text {text[:40]!r}, expected a number; if the column holds labels, pass "
        "--set data.label=COLUMN."
    )


def _parse(text: str) -> float | None:
    # Python reads 1_000 as a number; in a table it is text.
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None
