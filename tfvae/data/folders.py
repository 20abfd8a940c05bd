"""The layout of a folder of images: its classes, and the splits that its folders or a file of names give."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tfvae.data import own
from tfvae.data.paths import existing_file
from tfvae.errors import UserError, listed, nearest

_FILE_COLUMNS = ("name", "file", "filename", "image", "path")


@dataclass(frozen=True, eq=False)
class Layout:
    """Which images are in which split, and their classes.

    Attributes:
      splits: indices of the images of each split.
      labels: the class of every image, int64 `[n]`, -1 for none; None if there are no classes.
      label_names: the classes, or None.
      origin: what each split is; empty if all images are in one.
      notes: sentences to print.
    """

    splits: Mapping[str, np.ndarray]
    labels: np.ndarray | None
    label_names: tuple[str, ...] | None
    origin: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def of(folder: Path, paths: Sequence[str], split: str | None = None) -> Layout:
    """The layout of a folder.

    Folders train, val (or valid, validation) and test at the first level are splits, if there is train and no other
    folder, or train and one of the others. Otherwise folders of the first level are classes.

    Args:
      folder: the folder.
      paths: its images.
      split: a file with the split of each image: CSV with columns name and split, or lines "name split".

    Raises:
      UserError: images lie both in a folder and in its sub-folders, or the file of names cannot be used.
    """
    parts = [Path(path).relative_to(folder).parts for path in paths]
    if split is not None:
        return _named(folder, parts, split)
    tops = sorted({part[0] for part in parts if len(part) > 1})
    if len(tops) > 1 and all(own.name_of(top) not in (None, "train") for top in tops):
        raise UserError(
            f"{folder}: has {listed(f'{top}/' for top in tops)} but no train/; expected images to train on."
        )
    if not _are_splits(tops):
        labels, names = _classes(parts, folder)
        return Layout({"train": np.arange(len(parts))}, labels, names)
    loose = sum(len(part) == 1 for part in parts)
    if loose:
        raise UserError(f"{folder}: {_mixed(loose, len(parts) - loose)}")
    origin, splits = {}, {}
    for name in own.NAMES:
        top = own.only((top for top in tops if own.name_of(top) == name), name, str(folder))
        if top is not None:
            origin[name] = f"the folder {top}/"
            splits[name] = np.array([i for i, part in enumerate(parts) if part[0] == top])
    labels, names = _joint_classes(folder, parts, splits)
    unused = Counter(part[0] for part in parts if own.name_of(part[0]) is None)
    texts = ", ".join(f"{top}/ ({count:,} images)" for top, count in sorted(unused.items())[:8])
    return Layout(splits, labels, names, origin, (f"{folder}: not used: {texts}.",) if unused else ())


def _are_splits(tops: Sequence[str]) -> bool:
    names = {own.name_of(top) for top in tops}
    # A folder of classes may well have one called train, beside bus and car.
    return names == {"train"} or ("train" in names and len(names - {None}) > 1)


def _classes(parts: Sequence[Sequence[str]], folder: Path) -> tuple[np.ndarray | None, tuple[str, ...] | None]:
    nested = sum(len(part) > 1 for part in parts)
    if 0 < nested < len(parts):
        raise UserError(f"{folder}: {_mixed(len(parts) - nested, nested)}")
    if not nested:
        return None, None
    names = tuple(sorted({part[0] for part in parts}))
    number = {name: i for i, name in enumerate(names)}
    return np.array([number[part[0]] for part in parts], np.int64), names


def _joint_classes(
    folder: Path, parts: Sequence[Sequence[str]], splits: Mapping[str, np.ndarray]
) -> tuple[np.ndarray | None, tuple[str, ...] | None]:
    """Classes of the images in the folders of the splits; a split without class folders is unlabelled."""
    texts: dict[int, str] = {}
    for at in splits.values():
        top = parts[at[0]][0]
        _, names = _classes([parts[i][1:] for i in at], folder / top)
        if names is not None:
            texts |= {int(i): parts[i][1] for i in at}
    if not texts:
        return None, None
    names = tuple(sorted(set(texts.values())))
    number = {name: i for i, name in enumerate(names)}
    return np.array([number[texts[i]] if i in texts else -1 for i in range(len(parts))], np.int64), names


def _mixed(loose: int, nested: int) -> str:
    return (
        f"{loose} images lie in the folder and {nested} in its sub-folders; "
        "expected all in the folder itself, or all in one sub-folder per class."
    )


def _named(folder: Path, parts: Sequence[Sequence[str]], split: str) -> Layout:
    """The layout where a file names the split of each image."""
    path = existing_file(split, "CSV or text", "data.split")
    index = {"/".join(part): i for i, part in enumerate(parts)}
    at, values = [], []
    for name, value in _lines(path):
        name = name.replace("\\", "/").removeprefix("./")
        if name not in index:
            raise UserError(f"{path}: {name} is not an image in {folder}{nearest(name, index)}; correct the line.")
        at.append(index[name])
        values.append(value)
    if len(set(at)) < len(at):
        [(twice, _)] = Counter(at).most_common(1)
        raise UserError(f"{path}: names {'/'.join(parts[twice])} more than once; expected each image once.")
    found = own.indices(values, f"data.split: {path}")
    labels, names = _classes(parts, folder)
    left = len(parts) - len(at)
    notes = (f"{folder}: not used: {left:,} images that {path.name} does not name.",) if left else ()
    places = np.array(at)
    splits = {name: np.sort(places[chosen]) for name, chosen in found.items()}
    return Layout(splits, labels, names, dict.fromkeys(splits, f"named in {path.name}"), notes)


def _lines(path: Path) -> list[tuple[str, str]]:
    """Name and split of each line of a file of names."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"data.split: {path} cannot be read as UTF-8 text ({error}).") from error
    if path.suffix.lower() == ".csv":
        return _table(text, path)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    pairs = [line.rsplit(maxsplit=1) for line in lines]
    if bad := [line for line, pair in zip(lines, pairs, strict=True) if len(pair) != 2]:
        raise UserError(f"{path}: a line is {bad[0]!r}; expected the name of an image and its split, as in a.png val.")
    return [(name, value) for name, value in pairs]


def _table(text: str, path: Path) -> list[tuple[str, str]]:
    try:
        rows = [row for row in csv.reader(text.splitlines(keepends=True), strict=True) if row]
    except csv.Error as error:
        raise UserError(f"{path}: is not CSV ({error}).") from error
    header = [name.strip().lower() for name in rows[0]] if rows else []
    name = next((i for i, column in enumerate(header) if column in _FILE_COLUMNS), None)
    if name is None or "split" not in header:
        raise UserError(f"{path}: has columns {', '.join(header) or 'of no name'}; expected name (or file) and split.")
    value = header.index("split")
    for i, row in enumerate(rows[1:], 2):
        if len(row) != len(header):
            raise UserError(f"{path}: row {i} has {len(row)} values, expected {len(header)} as in the header.")
    return [(row[name].strip(), row[value]) for row in rows[1:]]
