"""A file that names something of each image, such as its split: lines "name value", or CSV."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from tfvae.errors import UserError, nearest

_FILE_COLUMNS = ("name", "file", "filename", "image", "path")


def values(
    path: Path, what: str, names: Sequence[str], left_out: Collection[str], folder: str
) -> tuple[np.ndarray, list[str]]:
    """What a file says of the images that it names.

    Args:
      path: the file.
      what: the name of the column, "split" or "group".
      names: the images.
      left_out: other images, which the file may name too.
      folder: of the images, in messages.

    Returns:
      Indices into `names`, and the text for each.

    Raises:
      UserError: the file cannot be read, names an image twice, or names what is no image.
    """
    index = {name: i for i, name in enumerate(names)}
    at, texts = [], []
    for name, value in _lines(path, what):
        name = name.replace("\\", "/").removeprefix("./")
        if name in left_out:
            continue
        if name not in index:
            raise UserError(f"{path}: {name} is not an image in {folder}{nearest(name, index)}; correct the line.")
        at.append(index[name])
        texts.append(value)
    if len(set(at)) < len(at):
        [(twice, _)] = Counter(at).most_common(1)
        raise UserError(f"{path}: names {names[twice]} more than once; expected each image once.")
    return np.array(at, np.int64), texts


def _lines(path: Path, what: str) -> list[tuple[str, str]]:
    """The name and the value of each line."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"data.{what}: {path} cannot be read as UTF-8 text ({error}).") from error
    if path.suffix.lower() == ".csv":
        return _table(text, path, what)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    pairs = [line.rsplit(maxsplit=1) for line in lines]
    example = "val" if what == "split" else "patient-7"
    if bad := [line for line, pair in zip(lines, pairs, strict=True) if len(pair) != 2]:
        raise UserError(f"{path}: a line is {bad[0]!r}; expected the name of an image and its {what}: a.png {example}.")
    return [(name, value) for name, value in pairs]


def _table(text: str, path: Path, what: str) -> list[tuple[str, str]]:
    try:
        rows = [row for row in csv.reader(text.splitlines(keepends=True), strict=True) if row]
    except csv.Error as error:
        raise UserError(f"{path}: is not CSV ({error}).") from error
    header = [name.strip().lower() for name in rows[0]] if rows else []
    name = next((i for i, column in enumerate(header) if column in _FILE_COLUMNS), None)
    if name is None or what not in header:
        raise UserError(f"{path}: has columns {', '.join(header) or 'of no name'}; expected name (or file) and {what}.")
    value = header.index(what)
    for i, row in enumerate(rows[1:], 2):
        if len(row) != len(header):
            raise UserError(f"{path}: row {i} has {len(row)} values, expected {len(header)} as in the header.")
    return [(row[name].strip(), row[value]) for row in rows[1:]]
