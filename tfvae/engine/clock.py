"""Chooses the number of steps per compiled call, and measures where the time goes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

# Signals are handled between calls, so a call must be short; but host work between calls must stay a small share.
_SECONDS_A_CALL = 1.0
_MOST_STEPS = 4096


class Clock:
    """Chooses the number of steps per call, and measures the time inside and outside compiled calls.

    Args:
      steps_per_call: a fixed number; None: as many as take about a second, estimated from earlier calls.

    Attributes:
      steps: steps done in timed calls; the first call compiles and is not timed.
      seconds: spent in timed calls.
    """

    def __init__(self, steps_per_call: int | None) -> None:
        self._fixed, self._next = steps_per_call, 1
        self._calls, self._begun, self._ended = 0, time.perf_counter(), 0.0
        self._inside, self._compiling, self._validations = 0.0, 0.0, 0
        self.steps, self.seconds = 0, 0.0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Wraps the loop; time before and after it does not count towards the host share."""
        self._begun = time.perf_counter()
        try:
            yield
        finally:
            self._ended = time.perf_counter()

    def steps_per_call(self) -> int:
        """Steps of the next call."""
        return self._fixed or self._next

    @contextlib.contextmanager
    def call(self, steps: int) -> Iterator[None]:
        """Wraps a compiled call of `steps` steps, until its results are on the host."""
        begun = time.perf_counter()
        yield
        seconds = time.perf_counter() - begun
        self._calls += 1
        if self._calls == 1:
            self._compiling += seconds
            return
        self._inside += seconds
        self.steps, self.seconds = self.steps + steps, self.seconds + seconds
        # At most four times as many: the timing of a short call is unreliable.
        self._next = max(1, min(int(_SECONDS_A_CALL * steps / seconds), 4 * steps, _MOST_STEPS))

    @contextlib.contextmanager
    def evaluation(self) -> Iterator[None]:
        """Wraps the calls of a validation; the first validation compiles."""
        begun = time.perf_counter()
        yield
        seconds = time.perf_counter() - begun
        if self._validations:
            self._inside += seconds
        else:
            self._compiling += seconds
        self._validations += 1

    @property
    def host_share(self) -> float | None:
        """Share of the time outside compiled calls, without compilation; None: the run was too short to measure."""
        total = self._ended - self._begun - self._compiling
        return max(0.0, 1.0 - self._inside / total) if self.steps and total > 0 else None
