"""Handling of steps whose loss or gradient is not finite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfvae.engine.record import Layout

GIVE_UP = 50  # skipped steps in a row; float16's first loss scale of 2^15 needs 15 of them to reach 1

_EMPTY: dict[str, Any] = {"sums": {}, "counts": {}, "skipped": 0, "in_a_row": 0}


class NonFinite(Exception):  # noqa: N818 - the loop turns it into a UserError that names the last checkpoint
    """Training cannot continue after a step that is not finite."""


class EpochSums:
    """Sums of the finite values in the records of an epoch, and the number of skipped steps.

    Args:
      layout: of the records.
      values: the result of `to_dict`, from a checkpoint; None: a new epoch.
    """

    def __init__(self, layout: Layout, values: dict[str, Any] | None = None) -> None:
        self._layout = layout
        self._initial = values or _EMPTY
        self._sums: np.ndarray | None = None  # the layout is known only after the first call
        self._counts: np.ndarray | None = None
        self._skipped, self._in_a_row = self._initial["skipped"], self._initial["in_a_row"]

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, ready for JSON."""
        if self._sums is None or self._counts is None:
            return self._initial
        # By name, because a resumed run may have settings that record other values.
        sums, counts = (
            {name: value.tolist() for name, value in self._layout.unpack(v).items()} for v in (self._sums, self._counts)
        )
        return {"sums": sums, "counts": counts, "skipped": self._skipped, "in_a_row": self._in_a_row}

    def next_epoch(self) -> EpochSums:
        """Empty sums; the count of skipped steps in a row continues across epochs."""
        return EpochSums(self._layout, {**_EMPTY, "in_a_row": self._in_a_row})

    def add(self, records: np.ndarray, last_step: int) -> None:
        """Adds the records of a call whose last step was `last_step`.

        Raises:
          NonFinite: an unguarded step is not finite, or too many steps in a row were skipped.
        """
        skipped = self._was_skipped(records)
        if self._sums is None or self._counts is None:
            self._sums = self._layout.vector(self._initial["sums"])
            self._counts = self._layout.vector(self._initial["counts"])
        for k, record in enumerate(records):  # one by one, so that the sum of a resumed run rounds the same way
            finite = np.isfinite(record)
            self._in_a_row = self._in_a_row + 1 if skipped[k] else 0
            if self._in_a_row == GIVE_UP or not (skipped[k] or finite.all()):
                self._fail(record, last_step - len(records) + k + 1)
            self._sums = self._sums + np.where(finite, record, 0.0)
            self._counts = self._counts + finite
            self._skipped += int(skipped[k])

    def means(self) -> dict[str, np.ndarray]:
        """Averages by name, each over the steps in which it was finite; values that never were are left out."""
        values = self.to_dict()
        counts = {name: np.asarray(count) for name, count in values["counts"].items()}
        means = {
            name: np.asarray(values["sums"][name]) / count
            for name, count in counts.items()
            if count.all() and not _is_flag(name)
        }
        # Objectives are checked together, so all have skipped the same steps.
        return {**means, **{name: np.array(self._skipped) for name in counts if _is_flag(name)}}

    def _was_skipped(self, records: np.ndarray) -> np.ndarray:
        values = self._layout.unpack(records)
        flags = [value for name, value in values.items() if _is_flag(name)]
        return np.any(flags, axis=0) if flags else np.zeros(len(records), bool)

    def _fail(self, record: np.ndarray, step: int) -> None:
        terms = scalars(self._layout.unpack(record))
        if self._in_a_row == GIVE_UP:
            raise NonFinite(
                f"{GIVE_UP} steps in a row up to step {step} were skipped because they were not finite ({terms})"
            )
        raise NonFinite(f"the loss is not finite at step {step} ({terms})")


def scalars(values: Mapping[str, np.ndarray]) -> str:
    """The scalar values as text, for a message."""
    return ", ".join(f"{name} {float(value):.4g}" for name, value in values.items() if value.ndim == 0)


def _is_flag(name: str) -> bool:
    return name.rpartition("/")[2] == "skipped"
