"""Training history on the host: the completed epochs, their metrics, and the best epoch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfvae.engine.outputs import RunFolder
from tfvae.errors import UserError


class Journal:
    """The completed epochs.

    Args:
      judged_by: the term that selects the best epoch; None: the last epoch is the best, and training does not stop
        early.
      higher: whether a higher value of the term is better.
      patience: training stops after this many epochs without a better one; None: it does not stop early.
      run: stores the metrics; None: they are not stored.
      ended: number of the epochs before the first.

    Attributes:
      history: the metrics of each epoch, as `metrics.jsonl` has them.
    """

    def __init__(
        self, judged_by: str | None, higher: bool, patience: int | None, run: RunFolder | None, ended: int = 0
    ) -> None:
        self._judged_by, self._higher, self._run = judged_by, higher, run
        self._patience = None if judged_by is None else patience
        self.history: list[dict[str, Any]] = []
        self._begun = 0.0
        # Saved in every checkpoint; "sums" is the state of the sums of an unfinished epoch.
        self._notes: dict[str, Any] = {"best": None, "best_epoch": 0, "ended": ended, "sums": None, "seconds": 0.0}

    @classmethod
    def of(cls, model: Any, patience: int | None, run: RunFolder | None, ended: int = 0) -> Journal:
        """The journal of a model, which uses the model's `judged_by` term."""
        term = None if model.judged_by is None else model.terms.get(model.judged_by)
        return cls(model.judged_by, term is not None and term.better == "higher", patience, run, ended)

    @property
    def ended(self) -> int:
        """Number of completed epochs."""
        return int(self._notes["ended"])

    @property
    def best_epoch(self) -> int:
        """The best epoch, counted from 1; 0: no epoch is complete."""
        return int(self._notes["best_epoch"])

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of training, summed over the processes of a resumed run."""
        return float(self._notes["seconds"])

    @property
    def patience_is_over(self) -> bool:
        """Whether training should stop early."""
        if self._patience is None or self._notes["best"] is None:
            return False
        return self.ended - self.best_epoch >= self._patience

    @property
    def why_it_ends(self) -> str:
        """Why training stops early, as text."""
        return f"no better validation {self._judged_by} since epoch {self.best_epoch}"

    def begin(self) -> None:
        """Starts the clock, at the seconds that earlier processes took."""
        self._begun = time.perf_counter() - self.seconds

    def restore(self, notes: dict[str, Any] | None) -> dict[str, Any] | None:
        """Continues from a checkpoint's notes; returns the state of the sums of its epoch."""
        self._notes = notes or self._notes
        if self._run:
            # Epochs after the checkpoint will be trained again, so their lines are dropped.
            self.history = [line for line in self._run.metrics() if line["epoch"] <= self.ended]
        return self._notes["sums"]

    def notes(self, sums: dict[str, Any]) -> dict[str, Any]:
        """The notes for a checkpoint, with the state of the sums of the epoch."""
        self._notes["seconds"] = time.perf_counter() - self._begun
        return {**self._notes, "sums": sums}

    def value(self, means: Mapping[str, np.ndarray]) -> float:
        """The value that epochs are compared by: the `judged_by` term, by default the loss.

        Raises:
          UserError: the model does not report that term.
        """
        name = self._judged_by or "loss"
        if name not in means:
            raise UserError(
                f"judged_by: the model selects its best epoch by {name!r}, which it does not report; it reports "
                f"{', '.join(means)}."
            )
        return float(means[name])

    def is_best(self, value: float) -> bool:
        """Whether the value is the best so far; if so, records it."""
        best = self._notes["best"]
        better = best is None or self._judged_by is None or (value > best if self._higher else value < best)
        if better:
            self._notes["best"] = value
        return better

    def end_epoch(self, line: dict[str, Any], best: bool, writes: bool) -> None:
        """Records the metrics of an epoch, and appends them to the run if this process `writes`."""
        self._notes["ended"] = line["epoch"]
        if best:
            self._notes["best_epoch"] = line["epoch"]
        self._notes["seconds"] = time.perf_counter() - self._begun
        self.history.append(line)
        if self._run and writes:
            self._run.append_metrics(line)
