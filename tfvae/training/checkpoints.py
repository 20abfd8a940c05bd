"""Checkpoints of a run: the last and the best, written whole or not at all, and passed over where they are broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tfvae.errors import UserError


class _Notes(tf.train.experimental.PythonState):
    """What the host knows of the run, as JSON inside the checkpoint."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def serialize(self) -> str:
        return json.dumps(self.values)

    def deserialize(self, string_value: str) -> None:
        self.values = json.loads(string_value)


class Checkpoints:
    """Weights, optimizers, step and the host's notes, in `last-N` and `best-N`.

    Args:
      folder: the run's `checkpoints/`.
      model: its variables are saved.
      optimizers: theirs too.
      counter: int64 variable, steps done.
      say: told what was passed over.
    """

    def __init__(
        self,
        folder: Path,
        model: keras.Model,
        optimizers: list[keras.optimizers.Optimizer],
        counter: tf.Variable,
        say: Callable[[str], None],
    ) -> None:
        self._folder, self._notes, self._counter, self._say = folder, _Notes(), counter, say
        self._checkpoint = tf.train.Checkpoint(model=model, optimizers=optimizers, step=counter, notes=self._notes)
        # Two, so that one cut short leaves the one before it.
        self._last = tf.train.CheckpointManager(self._checkpoint, str(folder), 2, checkpoint_name="last")
        self._best = tf.train.CheckpointManager(
            tf.train.Checkpoint(model=model, step=counter), str(folder / "best"), 1, checkpoint_name="best"
        )

    @property
    def last(self) -> Path | None:
        """The newest checkpoint, or None."""
        return next(iter(_newest_first(self._folder, "last")), None)

    def save(self, notes: dict[str, Any]) -> str:
        """Writes the last checkpoint, with the notes."""
        self._notes.values = notes
        return str(self._last.save(checkpoint_number=self._counter))

    def save_best(self) -> None:
        """Writes the weights as the best so far."""
        self._best.save(checkpoint_number=self._counter)

    def restore(self) -> dict[str, Any] | None:
        """Puts the newest whole checkpoint back; gives its notes, or None where there is none.

        Raises:
          UserError: there are checkpoints, and all are broken.
        """
        return self._restore(self._checkpoint, _newest_first(self._folder, "last"))

    def restore_best(self) -> None:
        """Puts the best weights back, where there are any."""
        self._restore(self._best.checkpoint, _newest_first(self._folder / "best", "best"))

    def _restore(self, checkpoint: tf.train.Checkpoint, paths: list[Path]) -> dict[str, Any] | None:
        for path in paths:
            try:
                checkpoint.restore(str(path)).assert_existing_objects_matched()
            except (tf.errors.OpError, AssertionError, ValueError) as error:
                self._say(f"checkpoint {path} is broken ({_first_line(error)}); the one before it is used.")
            else:
                return self._notes.values
        if paths:
            raise UserError(f"{paths[0]}: it is broken, and so is every checkpoint before it; train anew with --out.")
        return None


def _newest_first(folder: Path, name: str) -> list[Path]:
    # By the files themselves, not by TensorFlow's list of them, which a crash may have cut short.
    found = [path.with_suffix("") for path in folder.glob(f"{name}-*.index")]
    return sorted(found, key=lambda path: int(path.name.rpartition("-")[2]), reverse=True)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:200]
