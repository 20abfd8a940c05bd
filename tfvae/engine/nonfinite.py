"""What becomes of a step whose loss or gradient is not finite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfvae.engine.record import Layout

GIVE_UP = 50  # skipped steps in a row; float16's first scale of 2^15 comes down to 1 in 15

_FRESH: dict[str, Any] = {"sums": {}, "counts": {}, "skipped": 0, "in_a_row": 0}


class NonFinite(Exception):  # noqa: N818 - the loop makes a sentence of it, with the checkpoint to go back to
    """Training cannot go on from here."""


class EpochSums:
    """Sums of the records of an epoch, over what is finite, and the count of skipped steps.

    Args:
      layout: of the records.
      values: what `to_dict` gave, as a checkpoint has it; None: a fresh epoch.
    """

    def __init__(self, layout: Layout, values: dict[str, Any] | None = None) -> None:
        self._layout = layout
        self._begun = values or _FRESH
        self._sums: np.ndarray | None = None  # the layout is learnt from the first call
        self._counts: np.ndarray | None = None
        self._skipped, self._in_a_row = self._begun["skipped"], self._begun["in_a_row"]

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, ready for JSON."""
        if self._sums is None or self._counts is None:
            return self._begun
        # By name, for a run may go on with settings that record other values.
        sums, counts = (
            {name: value.tolist() for name, value in self._layout.unpack(v).items()} for v in (self._sums, self._counts)
        )
        return {"sums": sums, "counts": counts, "skipped": self._skipped, "in_a_row": self._in_a_row}

    def next_epoch(self) -> EpochSums:
        """Fresh sums, but skipped steps in a row count on across epochs."""
        return EpochSums(self._layout, {**_FRESH, "in_a_row": self._in_a_row})

    def add(self, records: np.ndarray, last_step: int) -> None:
        """Adds the records of a call that ended with this step.

        Raises:
          NonFinite: a step that was not guarded is not finite, or too many in a row were skipped.
        """
        skipped = self._was_skipped(records)
        if self._sums is None or self._counts is None:
            self._sums = self._layout.vector(self._begun["sums"])
            self._counts = self._layout.vector(self._begun["counts"])
        for k, record in enumerate(records):  # one by one, so that a resumed sum rounds as one never stopped
            finite = np.isfinite(record)
            self._in_a_row = self._in_a_row + 1 if skipped[k] else 0
            if self._in_a_row == GIVE_UP or not (skipped[k] or finite.all()):
                self._refuse(record, last_step - len(records) + k + 1)
            self._sums = self._sums + np.where(finite, record, 0.0)
            self._counts = self._counts + finite
            self._skipped += int(skipped[k])

    def means(self) -> dict[str, np.ndarray]:
        """Averages by name, over the steps in which each was finite; those that never were are left out."""
        values = self.to_dict()
        counts = {name: np.asarray(count) for name, count in values["counts"].items()}
        means = {
            name: np.asarray(values["sums"][name]) / count
            for name, count in counts.items()
            if count.all() and not _is_flag(name)
        }
        # Objectives are judged together: each has skipped the same steps.
        return {**means, **{name: np.array(self._skipped) for name in counts if _is_flag(name)}}

    def _was_skipped(self, records: np.ndarray) -> np.ndarray:
        values = self._layout.unpack(records)
        flags = [value for name, value in values.items() if _is_flag(name)]
        return np.any(flags, axis=0) if flags else np.zeros(len(records), bool)

    def _refuse(self, record: np.ndarray, step: int) -> None:
        terms = scalars(self._layout.unpack(record))
        if self._in_a_row == GIVE_UP:
            raise NonFinite(
                f"{GIVE_UP} steps in a row up to step {step} were skipped, for they were not finite ({terms})"
            )
        raise NonFinite(f"the loss is not finite at step {step} ({terms})")


def scalars(values: Mapping[str, np.ndarray]) -> str:
    """The values that are single numbers, for a sentence."""
    return ", ".join(f"{name} {float(value):.4g}" for name, value in values.items() if value.ndim == 0)


def _is_flag(name: str) -> bool:
    return name.rpartition("/")[2] == "skipped"
