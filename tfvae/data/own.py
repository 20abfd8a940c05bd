"""The user's own splits: their names, in folders, arrays, columns and files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tfvae.data.splits import Split
from tfvae.errors import UserError, listed

# What each split may be called, in upper or lower case.
NAMES = {"train": ("train",), "validation": ("val", "valid", "validation"), "test": ("test",)}
EXPECTED = "train, val (or valid, validation) and test"


def name_of(text: str) -> str | None:
    """The split that a text names, or None.

    Example:
      >>> name_of("Valid")
      'validation'
    """
    return next((name for name, texts in NAMES.items() if text.strip().lower() in texts), None)


def indices(values: Sequence[str], where: str) -> dict[str, np.ndarray]:
    """The examples of each split that is named at least once.

    Args:
      values: the name of the split of each example.
      where: what holds the names, in messages.

    Raises:
      UserError: a value names no split, or no example is in the training split.

    Example:
      >>> {name: at.tolist() for name, at in indices(["train", "test", "train"], "rows.csv").items()}
      {'train': [0, 2], 'test': [1]}
    """
    of_text = {text: name_of(text) for text in set(values)}
    if unknown := sorted(text for text, name in of_text.items() if name is None):
        raise UserError(f"{where}: got {_some(map(repr, unknown))}, expected {EXPECTED}.")
    names = np.array([of_text[text] for text in values])
    found = {name: np.flatnonzero(names == name) for name in NAMES}
    if not len(found["train"]):
        raise UserError(f"{where}: no example is in train; expected {EXPECTED}, with examples to train on.")
    return {name: at for name, at in found.items() if len(at)}


def divided(examples: Split, found: dict[str, np.ndarray]) -> dict[str, Any]:
    """The arguments `train`, `validation` and `test` of a `Source`."""
    return {name: examples.take(at) for name, at in found.items()}


def only(names: Iterable[str], split: str, where: str) -> str | None:
    """The one of the user's names that names the split, or None.

    Raises:
      UserError: several do.
    """
    found = sorted(names)
    if len(found) > 1:
        raise UserError(f"{where}: has {listed(found)}, which all name the {split} split; expected one of them.")
    return found[0] if found else None


def _some(texts: Iterable[str], most: int = 8) -> str:
    texts = list(texts)
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")
