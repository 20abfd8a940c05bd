"""How many steps a call takes, and where the time goes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

# A signal is answered between two calls, so that a call may not last; and host work between them must stay small.
_SECONDS_A_CALL = 1.0
_MOST_STEPS = 4096


class Clock:
    """Chooses the steps of a call, and counts time inside compiled calls and outside.

    Args:
      steps_per_call: a number to stay with; None: as many as take about a second, by what earlier calls took.

    Attributes:
      steps: steps done in timed calls: those after the first, which compiles.
      seconds: spent in them.
    """

    def __init__(self, steps_per_call: int | None) -> None:
        self._fixed, self._next = steps_per_call, 1
        self._calls, self._begun, self._ended = 0, time.perf_counter(), 0.0
        self._inside, self._compiling, self._validations = 0.0, 0.0, 0
        self.steps, self.seconds = 0, 0.0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Around the loop: what comes before and after is no part of its host share."""
        self._begun = time.perf_counter()
        try:
            yield
        finally:
            self._ended = time.perf_counter()

    def steps_per_call(self) -> int:
        """For the next call."""
        return self._fixed or self._next

    @contextlib.contextmanager
    def call(self, steps: int) -> Iterator[None]:
        """Around a compiled call that does so many steps, until its results are on the host."""
        begun = time.perf_counter()
        yield
        seconds = time.perf_counter() - begun
        self._calls += 1
        if self._calls == 1:
            self._compiling += seconds
            return
        self._inside += seconds
        self.steps, self.seconds = self.steps + steps, self.seconds + seconds
        # By no more than fourfold, for a short call can have been lucky.
        self._next = max(1, min(int(_SECONDS_A_CALL * steps / seconds), 4 * steps, _MOST_STEPS))

    @contextlib.contextmanager
    def evaluation(self) -> Iterator[None]:
        """Around the compiled calls of a validation, the first of which compiles."""
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
        """Part of the time that passed outside compiled calls, compilation left aside; None: too short to tell."""
        total = self._ended - self._begun - self._compiling
        return max(0.0, 1.0 - self._inside / total) if self.steps and total > 0 else None
