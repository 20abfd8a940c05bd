"""Arrays from an npz file: `x`, or `x_train`, `x_val` and `x_test`, with optional labels `y…`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfvae.config import nearest
from tfvae.config.data import Npz
from tfvae.data import arrays, own
from tfvae.data.paths import existing_file
from tfvae.data.splits import Source, Split
from tfvae.errors import UserError

_EXPECTED = "expected an array x, or x_train with x_val and x_test if you have them"


def from_settings(settings: Npz, seed: int) -> Source:
    """See `read`."""
    return read(existing_file(settings.path, "npz"), settings.group)


def read(path: Path, group: str | None = None) -> Source:
    """The examples of a file, with a validation split if it has `x_val` (`x_valid`, `x_validation`), and `x_test`.

    Args:
      path: the file.
      group: name of an array with the group of each training example, whose examples stay together; None: no groups.

    Raises:
      UserError: the file is broken or has no examples, or its arrays do not match.
    """
    found, names, unused = read_arrays(path, () if group is None else (group,))
    x = {split: arrays.examples(found[name], f"{path}: {name}") for split, name in names.items()}
    for split, name in names.items():
        if x[split].shape[1:] != x["train"].shape[1:]:
            raise UserError(
                f"{path}: an example is {list(x['train'].shape[1:])} in {names['train']} and "
                f"{list(x[split].shape[1:])} in {name}; expected the same shape."
            )
        if (x[split].dtype.kind == "f") != (x["train"].dtype.kind == "f"):
            raise UserError(
                f"{path}: {names['train']} has values of type {x['train'].dtype} and {name} of type {x[split].dtype}, "
                "which are scaled differently; expected whole numbers in both, or floats."
            )
    y, label_names = _labels(found, path, names, {split: len(examples) for split, examples in x.items()})
    splits: dict[str, Any] = {split: Split(examples, y.get(split)) for split, examples in x.items()}
    notes = (f"{path}: not used: {', '.join(unused[:8])}{', …' * (len(unused) > 8)}.",) if unused else ()
    origin = {split: f"the array {name}" for split, name in names.items()} if len(names) > 1 else {}
    groups = None if group is None else _groups(found, unused, group, path, len(splits["train"]))
    return Source(**splits, label_names=label_names, notes=notes, origin=origin, groups=groups)


def read_arrays(path: Path, others: Sequence[str] = ()) -> tuple[dict[str, np.ndarray], dict[str, str], list[str]]:
    """The arrays of a file that are examples or labels; nothing is unpickled.

    Args:
      path: the file.
      others: names of arrays to read as well, if they are there.

    Returns:
      The arrays by name; the name of the examples of each split; and the names of all other arrays, which are not read.

    Raises:
      UserError: the file is not npz, is truncated, or contains pickled objects, or there is nothing to train on.
    """
    try:
        archive = np.load(path, allow_pickle=False, mmap_mode="r")
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise UserError(
                f"{path}: contains one unnamed array; expected an npz file, from numpy.savez(path, x=array)."
            )
        with archive:
            names = _names(archive.files, path)
            wanted = {*names.values(), *map(_label_name, names.values()), *others}
            found = {key: archive[key] for key in archive.files if key in wanted}
            unused = [key for key in archive.files if key not in wanted]
    except UserError:
        raise
    except MemoryError as error:
        raise UserError(f"{path}: its arrays do not fit in memory; use a smaller file.") from error
    except Exception as error:  # numpy, zipfile and zlib raise a dozen kinds on a damaged file
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise UserError(
            f"{path}: cannot be read ({reason}): it is damaged, truncated or contains pickled objects; "
            "expected a file written by numpy.savez."
        ) from error
    return found, names, unused


def _names(keys: list[str], path: Path) -> dict[str, str]:
    """The name of the examples of each split."""
    found = {}
    for split, texts in own.NAMES.items():
        name = own.only((f"x_{text}" for text in texts if f"x_{text}" in keys), split, str(path))
        if name or (split == "train" and "x" in keys):
            found[split] = name or "x"
    if "train" not in found:
        raise UserError(f"{path}: contains {', '.join(keys) or 'nothing'}; {_EXPECTED}.")
    return found


def _groups(found: dict[str, np.ndarray], unused: list[str], group: str, path: Path, count: int) -> np.ndarray:
    """The number of the group of each training example."""
    if group not in found:
        raise UserError(
            f"data.group: {path} has no array {group!r}{nearest(group, [*found, *unused])}; name one of its arrays, or "
            "none: data.group= with nothing behind it."
        )
    try:
        numbers, names = arrays.labels(found[group], count, f"{path}: {group}")
    except UserError as error:
        raise UserError(f"data.group: {error}") from error
    return numbers if names is not None else np.unique(numbers, return_inverse=True)[1].astype(np.int64)


def _label_name(x_name: str) -> str:
    return x_name.replace("x", "y", 1)


def _labels(
    found: dict[str, np.ndarray], path: Path, names: dict[str, str], counts: dict[str, int]
) -> tuple[dict[str, np.ndarray], tuple[str, ...] | None]:
    """The labels of each split, numbered together, and their names."""
    y_names = {split: _label_name(name) for split, name in names.items()}
    there = [split for split in names if y_names[split] in found]
    if not there:
        return {}, None
    if missing := [y_names[split] for split in names if split not in there]:
        raise UserError(
            f"{path}: has {y_names[there[0]]} but no {missing[0]}; expected labels for every split or for none."
        )
    parts = ((found[y_names[split]], counts[split], f"{path}: {y_names[split]}") for split in names)
    labels, label_names = arrays.joint_labels(*parts)
    return dict(zip(names, labels, strict=True)), label_names
