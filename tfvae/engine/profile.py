"""A profile of some steps, in TensorBoard's format."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import tensorflow as tf


class Profile:
    """Profiles the first steps after the call that compiles; a context manager around the loop.

    Args:
      folder: TensorBoard's; None: no profile.
      steps: number of steps to profile; 0: no profile.
    """

    def __init__(self, folder: Path | None, steps: int) -> None:
        self._folder, self._left = folder, steps if folder else 0
        self._compiled = self._running = False

    def __enter__(self) -> Profile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def at_most(self, steps: int) -> int:
        """The steps of the next call, at most those still to be profiled."""
        return min(steps, self._left) if self._left else steps

    @contextlib.contextmanager
    def call(self, steps: int) -> Iterator[None]:
        """Wraps a call of `steps` steps."""
        if self._compiled and self._left and not self._running:
            tf.profiler.experimental.start(str(self._folder))
            self._running = True
        yield
        self._compiled = True
        if self._running:
            self._left = max(0, self._left - steps)
            if not self._left:
                self._stop()

    def _stop(self) -> None:
        if self._running:
            self._running = False
            tf.profiler.experimental.stop()
