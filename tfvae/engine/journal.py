"""What the host remembers of a training: epochs that have ended, their metrics, and which of them was the best."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfvae.engine.outputs import RunFolder
from tfvae.errors import UserError


class Journal:
    """Epochs that have ended.

    Args:
      judged_by: the term by which the best epoch is chosen; None: the last epoch is the best, and training does not
        end early.
      higher: whether a higher value of it is better.
      patience: epochs without a better one after which training ends; None: it does not end early.
      run: where the metrics are kept; None: nowhere.

    Attributes:
      history: the metrics of each epoch, as `metrics.jsonl` has them.
    """

    def __init__(self, judged_by: str | None, higher: bool, patience: int | None, run: RunFolder | None) -> None:
        self._judged_by, self._higher, self._run = judged_by, higher, run
        self._patience = None if judged_by is None else patience
        self.history: list[dict[str, Any]] = []
        self._begun = 0.0
        # Part of every checkpoint, as is the state of the sums of an epoch that has not ended.
        self._notes: dict[str, Any] = {"best": None, "best_epoch": 0, "ended": 0, "sums": None, "seconds": 0.0}

    @classmethod
    def of(cls, model: Any, patience: int | None, run: RunFolder | None) -> Journal:
        """The journal of a model, by what it says of the term that it is judged by."""
        judged_by = getattr(model, "judged_by", "loss")
        term = None if judged_by is None else model.terms.get(judged_by)
        return cls(judged_by, term is not None and term.better == "higher", patience, run)

    @property
    def ended(self) -> int:
        """Epochs that have ended."""
        return int(self._notes["ended"])

    @property
    def best_epoch(self) -> int:
        """The best epoch, counted from 1; 0: none has ended."""
        return int(self._notes["best_epoch"])

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of training, over all the processes that took part."""
        return float(self._notes["seconds"])

    @property
    def patience_is_over(self) -> bool:
        """Whether training ends early."""
        if self._patience is None or self._notes["best"] is None:
            return False
        return self.ended - self.best_epoch >= self._patience

    @property
    def why_it_ends(self) -> str:
        """Why training ends early, for people."""
        return f"no better validation {self._judged_by} since epoch {self.best_epoch}"

    def begin(self) -> None:
        """Starts counting seconds, from what earlier processes took."""
        self._begun = time.perf_counter() - self.seconds

    def restore(self, notes: dict[str, Any] | None) -> dict[str, Any] | None:
        """Goes on from a checkpoint's notes; gives the state of the sums of its epoch."""
        self._notes = notes or self._notes
        if self._run:
            # Lines of epochs after the checkpoint are from the run that was cut off, and are made again.
            self.history = [line for line in self._run.metrics() if line["epoch"] <= self.ended]
        return self._notes["sums"]

    def notes(self, sums: dict[str, Any]) -> dict[str, Any]:
        """What a checkpoint is to hold, with the state of the sums of the epoch."""
        self._notes["seconds"] = time.perf_counter() - self._begun
        return {**self._notes, "sums": sums}

    def value(self, means: Mapping[str, np.ndarray]) -> float:
        """The value by which an epoch is judged; without one, its loss.

        Raises:
          UserError: the model has no such term.
        """
        name = self._judged_by or "loss"
        if name not in means:
            raise UserError(
                f"judged_by: the model is judged by {name!r}, which it does not report; it reports {', '.join(means)}."
            )
        return float(means[name])

    def is_best(self, value: float) -> bool:
        """Whether an epoch of this value is the best so far, which it then is."""
        best = self._notes["best"]
        better = best is None or self._judged_by is None or (value > best if self._higher else value < best)
        if better:
            self._notes["best"] = value
        return better

    def end_epoch(self, line: dict[str, Any], best: bool, writes: bool) -> None:
        """Enters the metrics of an epoch, and appends them to the run where this process `writes`."""
        self._notes["ended"] = line["epoch"]
        if best:
            self._notes["best_epoch"] = line["epoch"]
        self._notes["seconds"] = time.perf_counter() - self._begun
        self.history.append(line)
        if self._run and writes:
            self._run.append_metrics(line)
