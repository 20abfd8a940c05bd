"""Checkpoints of a run: the last and the best, written whole or not at all, and passed over where they are broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tfvae.errors import UserError
from tfvae.run import write


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
        self._last = _manager(self._checkpoint, folder, "last", keep=2)
        self._best = _manager(tf.train.Checkpoint(model=model, step=counter), folder / "best", "best", keep=1)

    @property
    def last(self) -> Path | None:
        """The newest checkpoint, or None."""
        return next(iter(_newest_first(self._folder, "last")), None)

    def save(self, notes: dict[str, Any]) -> str:
        """Writes the last checkpoint, with the notes; gives its path.

        Raises:
          UserError: it cannot be written; the one before it is whole.
        """
        self._notes.values = notes
        return self._write(self._last)

    def save_best(self) -> None:
        """Writes the weights as the best so far; raises as `save` does."""
        self._write(self._best)

    def restore(self) -> dict[str, Any] | None:
        """Puts the newest whole checkpoint back; gives its notes, or None where there is none.

        Raises:
          UserError: there are checkpoints, and all are broken.
        """
        return self._restore(self._checkpoint, _newest_first(self._folder, "last"))

    def restore_best(self) -> None:
        """Puts the best weights back, where there are any."""
        self._restore(self._best.checkpoint, _newest_first(self._folder / "best", "best"))

    def _write(self, manager: tf.train.CheckpointManager) -> str:
        try:
            return str(manager.save(checkpoint_number=self._counter))
        except tf.errors.OpError as error:
            raise UserError(
                f"{manager.directory}: the checkpoint of step {int(self._counter.numpy())} cannot be written "
                f"({_first_line(error)}); make room there, then go on with --resume."
            ) from error

    def _restore(self, checkpoint: tf.train.Checkpoint, paths: list[Path]) -> dict[str, Any] | None:
        for path in paths:
            try:
                checkpoint.restore(str(path)).assert_existing_objects_matched()
            # IndexError is TensorFlow's OutOfRange for a data file cut short.
            except (tf.errors.OpError, AssertionError, ValueError, IndexError) as error:
                self._say(f"checkpoint {path} is broken ({_first_line(error)}); the one before it is used.")
            else:
                return self._notes.values
        if paths:
            raise UserError(f"{paths[0]}: it is broken, and so is every checkpoint before it; train anew with --out.")
        return None


def _manager(checkpoint: tf.train.Checkpoint, folder: Path, name: str, keep: int) -> tf.train.CheckpointManager:
    # TensorFlow's list of its files is made anew from the files, for a crash may have cut it short.
    names, listed = [path.name for path in reversed(_newest_first(folder, name))], folder / "checkpoint"
    if names:
        lines = [f'model_checkpoint_path: "{names[-1]}"', *(f'all_model_checkpoint_paths: "{one}"' for one in names)]
        write(listed, lambda path: path.write_text("\n".join(lines) + "\n"))
    else:
        listed.unlink(missing_ok=True)
    return tf.train.CheckpointManager(checkpoint, str(folder), keep, checkpoint_name=name)


def _newest_first(folder: Path, name: str) -> list[Path]:
    found = [path.with_suffix("") for path in folder.glob(f"{name}-*.index")]
    return sorted(found, key=lambda path: int(path.name.rpartition("-")[2]), reverse=True)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:200]
