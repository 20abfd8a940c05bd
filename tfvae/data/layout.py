"""The layout of a folder of images: its classes, and the splits that its folders or a file of names give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tfvae.data import arrays, named, own
from tfvae.data.paths import existing_file, shown
from tfvae.errors import UserError, listed


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


def of(folder: Path, paths: Sequence[str], split: str | None = None, left_out: Collection[str] = ()) -> Layout:
    """The layout of a folder.

    Folders train, val (or valid, validation) and test at the first level are splits, if there is train and no other
    folder, or train and one of the others. Otherwise folders of the first level are classes.

    Args:
      folder: the folder.
      paths: its images.
      split: a file with the split of each image: CSV with columns name and split, or lines "name split".
      left_out: images in the folder that are not used; the file may name them.

    Raises:
      UserError: images lie both in a folder and in its sub-folders, or the file of names cannot be used.
    """
    parts = [Path(path).relative_to(folder).parts for path in paths]
    if split is not None:
        return _named(folder, parts, split, {_name(folder, path) for path in left_out})
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
        raise UserError(f"{shown(folder)}: {_mixed(loose, len(parts) - loose)}")
    origin, splits = {}, {}
    for name in own.NAMES:
        top = own.only((top for top in tops if own.name_of(top) == name), name, str(folder))
        if top is not None:
            origin[name] = f"the folder {top}/"
            splits[name] = np.array([i for i, part in enumerate(parts) if part[0] == top])
    labels, names = _joint_classes(folder, parts, splits)
    unused = Counter(part[0] for part in parts if own.name_of(part[0]) is None)
    texts = ", ".join(f"{shown(top)}/ ({count:,} images)" for top, count in sorted(unused.items())[:8])
    return Layout(splits, labels, names, origin, (f"{shown(folder)}: not used: {texts}.",) if unused else ())


def _are_splits(tops: Sequence[str]) -> bool:
    names = {own.name_of(top) for top in tops}
    # A folder of classes may well have one called train, beside bus and car.
    return names == {"train"} or ("train" in names and len(names - {None}) > 1)


def _classes(parts: Sequence[Sequence[str]], folder: Path) -> tuple[np.ndarray | None, tuple[str, ...] | None]:
    nested = sum(len(part) > 1 for part in parts)
    if 0 < nested < len(parts):
        raise UserError(f"{shown(folder)}: {_mixed(len(parts) - nested, nested)}")
    if not nested:
        return None, None
    names = tuple(sorted({part[0] for part in parts}))
    number = {name: i for i, name in enumerate(names)}
    return np.array([number[part[0]] for part in parts], np.int64), tuple(map(shown, names))


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
    labels = np.array([number[texts[i]] if i in texts else -1 for i in range(len(parts))], np.int64)
    return labels, tuple(map(shown, names))


def _mixed(loose: int, nested: int) -> str:
    return (
        f"{loose} images lie in the folder and {nested} in its sub-folders; "
        "expected all in the folder itself, or all in one sub-folder per class."
    )


def _named(folder: Path, parts: Sequence[Sequence[str]], split: str, left_out: Collection[str]) -> Layout:
    """The layout where a file names the split of each image."""
    path = existing_file(split, "CSV or text", "data.split")
    at, values = named.values(path, "split", ["/".join(part) for part in parts], left_out, shown(folder))
    found = own.indices(values, f"data.split: {path}")
    labels, names = _classes(parts, folder)
    left = len(parts) - len(at)
    notes = (f"{shown(folder)}: not used: {left:,} images that {path.name} does not name.",) if left else ()
    splits = {name: np.sort(at[chosen]) for name, chosen in found.items()}
    return Layout(splits, labels, names, dict.fromkeys(splits, f"named in {path.name}"), notes)


def groups(folder: Path, paths: Sequence[str], group: str, left_out: Collection[str] = ()) -> np.ndarray:
    """The number of the group of each image, which a file names like splits, in a column "group".

    Raises:
      UserError: the file cannot be used, or does not name every image.
    """
    path = existing_file(group, "CSV or text", "data.group")
    names = [_name(folder, image) for image in paths]
    at, values = named.values(path, "group", names, {_name(folder, image) for image in left_out}, shown(folder))
    if missing := sorted(set(range(len(names))) - set(at.tolist())):
        raise UserError(
            f"data.group: {path} names no group for {len(missing):,} of the images, such as {names[missing[0]]}; add a "
            "line for each."
        )
    numbers = np.empty(len(names), np.int64)
    numbers[at] = arrays.named(values)[0]
    return numbers


def _name(folder: Path, path: str) -> str:
    return Path(path).relative_to(folder).as_posix()
