"""The metrics of each epoch as TensorBoard scalars."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfvae.errors import UserError

Write = Callable[[dict[str, Any]], None]


@contextlib.contextmanager
def writer(folder: Path) -> Iterator[Write]:
    """Gives a function that writes a line of `metrics.jsonl`; one run each for train and validation.

    Raises:
      UserError: the events cannot be written, as on a full disk.
    """
    files = {split: tf.summary.create_file_writer(str(folder / split)) for split in ("train", "validation")}

    def write(line: dict[str, Any]) -> None:
        for split, file in files.items():
            with file.as_default(step=line["step"]):
                for name, value in line[split].items():
                    if isinstance(value, list):
                        tf.summary.histogram(name, value)
                    else:
                        tf.summary.scalar(name, value)
            file.flush()

    try:
        yield write
    except tf.errors.OpError as error:
        raise UserError(
            f"{folder}: TensorBoard's events cannot be written ({error.message}); make room there."
        ) from error
    finally:
        for file in files.values():
            file.close()
