"""CSV tables with a header, numeric columns and, optionally, a column of labels."""

from __future__ import annotations

import csv
import math
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tfvae.config.data import Csv
from tfvae.data import arrays, own
from tfvae.data.formats import refuse_others
from tfvae.data.paths import existing_file
from tfvae.data.splits import Source, Split
from tfvae.errors import UserError, nearest

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-"})


def from_settings(settings: Csv, seed: int) -> Source:
    """See `read`."""
    path = existing_file(settings.path, "csv")
    refuse_others(path)
    return read(path, settings.label, settings.attributes, settings.split, settings.group)


def read(
    path: Path,
    label: str | None = None,
    attributes: tuple[str, ...] = (),
    split: str | None = None,
    group: str | None = None,
) -> Source:
    """float64 rows `[n, columns]`, and labels numbered in the order of their names.

    Rows are numbered as lines in an editor: the header is row 1.

    Args:
      path: comma-separated UTF-8 with a header.
      label: name of the column of labels, numbers or text; None: no labels.
      attributes: names of numeric columns that condition the model and are not part of x.
      split: name of the column that says in which split a row is; None: no such column.
      group: name of the column of groups, whose rows stay together; None: no groups.

    Raises:
      UserError: a value cannot be used (names its row and column).
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            columns = {"data.label": label, "data.split": split, "data.group": group}
            given = {setting: name for setting, name in columns.items() if name is not None}
            return _read(_rows(csv.reader(file, strict=True), path), path, given, attributes)
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start}); save the table as UTF-8 CSV.") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}).") from error


def _read(
    rows: Iterator[tuple[int, list[str]]], path: Path, columns: dict[str, str], attributes: tuple[str, ...]
) -> Source:
    names = _header(rows, path)
    _check(names, path, columns, attributes)
    texts: dict[str, list[str]] = {setting: [] for setting in columns}
    setting_at = {names.index(name): setting for setting, name in columns.items()}
    features = tuple(name for i, name in enumerate(names) if i not in setting_at)
    if not features:
        only = " and ".join(map(repr, columns.values()))
        raise UserError(f"{path}: {only} is the only column; expected at least one numeric column besides it.")
    values = array("d")
    for number, row in rows:
        if len(row) != len(names):
            raise UserError(f"{path}: row {number} has {len(row)} values, expected {len(names)} as in the header.")
        for i, text in enumerate(row):
            if i in setting_at:
                texts[setting_at[i]].append(_text(text.strip(), number, names[i], path, setting_at[i]))
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
    y, label_names = arrays.named(texts["data.label"]) if "data.label" in texts else (None, None)
    constant = [name for name, low, high in zip(features, x.min(axis=0), x.max(axis=0)) if low == high]
    notes = tuple(
        f"Column {name} is constant: its density is unbounded, so the nats mean little; remove the column."
        for name in constant
    )
    splits, origin, groups = _splits(Split(x, y, conditions), texts, path, columns)
    return Source(
        **splits,
        auto="z-score",
        label_names=label_names,
        feature_names=features,
        attribute_names=attributes,
        notes=notes,
        origin=origin,
        groups=groups,
    )


def _check(names: list[str], path: Path, columns: dict[str, str], attributes: tuple[str, ...]) -> None:
    """Checks that the columns that settings name exist, and are named once."""
    for setting, name in [*columns.items(), *(("data.attributes", name) for name in attributes)]:
        if name not in names:
            raise UserError(
                f"{setting}: {path} has no column {name!r}{nearest(name, names)}. Columns: {', '.join(names)}."
            )
    if len(set(attributes)) < len(attributes):
        raise UserError(f"data.attributes: got {', '.join(attributes)}, expected each column once.")
    setting_of: dict[str, str] = {}
    for setting, name in columns.items():
        if name in attributes:
            what = "labels" if setting == "data.label" else f"{setting.removeprefix('data.')}s"
            raise UserError(f"data.attributes: {name} is the column of {what} ({setting}); leave it out.")
        if name in setting_of:
            raise UserError(f"{setting}: {name} is the column of {setting_of[name]} already; name another column.")
        setting_of[name] = setting


def _splits(
    examples: Split, texts: dict[str, list[str]], path: Path, columns: dict[str, str]
) -> tuple[dict[str, Any], dict[str, str], np.ndarray | None]:
    """The splits that the table names itself, what each of them is, and the groups of the training rows."""
    groups, names = arrays.named(texts["data.group"]) if "data.group" in texts else (None, ())
    if "data.split" not in texts:
        return {"train": examples}, {}, groups
    where = f"data.split: {path}, column {columns['data.split']!r}"
    found = own.indices(texts["data.split"], where)
    if groups is not None:
        used = np.concatenate([np.unique(groups[at]) for at in found.values()])
        numbers, counts = np.unique(used, return_counts=True)
        if torn := [names[i] for i in numbers[counts > 1]]:
            raise UserError(
                f"data.group: {len(torn)} groups of {columns['data.group']} have rows in more than one split of "
                f"{columns['data.split']}, such as {torn[0]}; give each group one split, or leave data.group out."
            )
        groups = groups[found["train"]]
    origin = {name: f"rows with {name} in column {columns['data.split']}" for name in found}
    return own.divided(examples, found), origin, groups


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


def _text(text: str, row: int, column: str, path: Path, setting: str) -> str:
    if text.lower() in MISSING - {"none", "-", "?"}:
        what = setting.removeprefix("data.")
        raise UserError(f"{path}: row {row}, column {column!r}: the {what} is missing; fill it in or remove the row.")
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
