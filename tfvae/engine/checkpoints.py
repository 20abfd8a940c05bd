"""Checkpoints of a run: written atomically; a broken one is skipped when a run is restored."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tfvae.errors import UserError


class _Notes(tf.train.experimental.PythonState):
    """Host state of the run, as JSON inside the checkpoint."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def serialize(self) -> str:
        return json.dumps(self.values)

    def deserialize(self, string_value: str) -> None:
        self.values = json.loads(string_value)


# Writing may take 1 % of the time, and at most ten minutes of work can be lost.
_SHARE = 0.01
_LONGEST = 600.0


class Checkpoints:
    """Weights, optimizers, step, the host's notes and the best weights so far, in `last-N`.

    All are in one checkpoint, so a kill cannot leave them out of step.

    Args:
      folder: the run's `checkpoints/`.
      model: its variables are saved.
      counter: int64 variable, steps done.
      state: other state that training changes: optimizers, loss scales.
      say: called with a sentence about each checkpoint that was skipped.
      writes: False for workers that only read; the chief writes for all.
    """

    def __init__(
        self,
        folder: Path,
        model: keras.Model,
        counter: tf.Variable,
        state: list[Any],
        say: Callable[[str], None],
        writes: bool = True,
    ) -> None:
        self._folder, self._notes, self._counter, self._say = folder, _Notes(), counter, say
        self._model, self._best = model, tf.Module()
        self._best.values = [tf.Variable(weight.value, trainable=False) for weight in model.weights]
        self._checkpoint = tf.train.Checkpoint(
            model=model, state=state, step=counter, notes=self._notes, best=self._best
        )
        self._current: Path | None = None
        self._writes = writes
        self._written, self._cost = time.perf_counter(), 0.05

    @property
    def last(self) -> Path | None:
        """The newest checkpoint, or None."""
        return next(iter(_newest_first(self._folder)), None)

    @property
    def due(self) -> bool:
        """Whether enough time has passed since the last checkpoint to write another."""
        return time.perf_counter() - self._written >= min(self._cost / _SHARE, _LONGEST)

    def save(self, notes: dict[str, Any]) -> str:
        """Writes a checkpoint with the notes, unless this step already has one; returns its path.

        Raises:
          UserError: it cannot be written; the previous one stays intact.
        """
        step = int(self._counter.numpy())
        path = self._folder / f"last-{step}"
        if path == self._current or not self._writes:
            return str(path)  # rewriting it in place risks corruption if the process is killed
        self._notes.values = notes
        begun = time.perf_counter()
        try:
            self._checkpoint.write(str(path))
            for part in self._folder.glob(f"{path.name}.*"):
                with open(part, "r+b") as file:
                    os.fsync(file.fileno())  # the file must survive a power loss
        except (tf.errors.OpError, OSError) as error:
            raise UserError(
                f"{self._folder}: the checkpoint of step {step} cannot be written "
                f"({_first_line(error)}); free some space, then continue with --resume."
            ) from error
        finally:
            self._written = time.perf_counter()
            self._cost = self._written - begun
        self._current = path
        self._remove_all_but(path)
        return str(path)

    def keep_best(self) -> None:
        """Records the current weights as the best so far; the next checkpoint saves them."""
        for best, weight in zip(self._best.values, self._model.weights):
            best.assign(weight.value)

    def restore(self) -> dict[str, Any] | None:
        """Restores the newest intact checkpoint; returns its notes, or None if there is no checkpoint.

        Raises:
          UserError: all checkpoints are broken.
        """
        paths = _newest_first(self._folder)
        for path in paths:
            try:
                self._checkpoint.read(str(path)).assert_existing_objects_matched()
            # IndexError is TensorFlow's OutOfRange for a truncated data file.
            except (tf.errors.OpError, AssertionError, ValueError, IndexError) as error:
                self._say(f"checkpoint {path} is broken ({_first_line(error)}); trying the one before it.")
            else:
                self._current = path
                return self._notes.values
        if paths:
            raise UserError(
                f"{paths[0]}: this checkpoint and all earlier ones are broken; start a new run with another --out."
            )
        return None

    def restore_best(self) -> None:
        """Restores the best weights."""
        for best, weight in zip(self._best.values, self._model.weights):
            weight.value.assign(best)

    def _remove_all_but(self, newest: Path) -> None:
        """Keeps this checkpoint and the one before it; newer ones are broken, other files are left over from kills."""
        kept = [path.name for path in _newest_first(self._folder) if _step(path) <= _step(newest)][:2]
        # The index first: without it TensorFlow's other files do not count as a checkpoint.
        for path in sorted(self._folder.glob("last-*"), key=lambda path: path.suffix != ".index"):
            if path.name.partition(".")[0] in kept:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _newest_first(folder: Path) -> list[Path]:
    found = [path.with_suffix("") for path in folder.glob("last-*.index")]
    return sorted(found, key=_step, reverse=True)


def _step(path: Path) -> int:
    return int(path.name.rpartition("-")[2])


def _first_line(error: Exception) -> str:
    # TensorFlow puts the name of a function node before its message.
    return re.sub(r"^\{\{.*?\}\} ", "", str(error).strip().split("\n")[0])[:300]
