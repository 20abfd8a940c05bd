"""The metrics of each epoch as TensorBoard scalars."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfvae.errors import UserError
from tfvae.models.terms import Term, Terms

Write = Callable[[dict[str, Any]], None]


@contextlib.contextmanager
def writer(folder: Path, terms: Terms) -> Iterator[Write]:
    """Yields a function that writes a line of `metrics.jsonl`, to one TensorBoard run each for train and validation.

    Args:
      folder: to write to.
      terms: of the model; their labels and units become the descriptions of the scalars.

    Raises:
      UserError: the events cannot be written, for example on a full disk.
    """
    files = {split: tf.summary.create_file_writer(str(folder / split)) for split in ("train", "validation")}

    def write(line: dict[str, Any]) -> None:
        with _as_user_error(folder):
            for split, file in files.items():
                with file.as_default(step=line["step"]):
                    for name, value in line[split].items():
                        if isinstance(value, list):
                            tf.summary.histogram(name, value)
                        else:
                            tf.summary.scalar(name, value, description=_description(terms.get(name)))
                file.flush()

    try:
        yield write
    finally:
        with _as_user_error(folder):
            for file in files.values():
                file.close()


def _description(term: Term | None) -> str | None:
    return None if term is None else f"{term.label}, {term.unit}".rstrip(", ")


@contextlib.contextmanager
def _as_user_error(folder: Path) -> Iterator[None]:
    # Only around the writes: an error in training between two lines has another cause.
    try:
        yield
    except tf.errors.OpError as error:
        raise UserError(
            f"{folder}: TensorBoard's events cannot be written ({error.message}); free some space."
        ) from error
