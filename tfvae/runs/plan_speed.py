"""How fast a run would train: some steps, and some batches of its validation, on the real step."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.config import Config
from tfvae.data.splits import DataSet
from tfvae.engine.batches import Batches
from tfvae.engine.evaluation import Evaluation
from tfvae.engine.loop import Loop
from tfvae.engine.outputs import Silent
from tfvae.engine.plan import Plan

_ENOUGH = 10.0  # seconds of steps, without compilation
_LONGEST = 60.0  # seconds in all
_BATCHES = 4  # of the validation that is measured


class _Enough(Exception):  # noqa: N818 - a request, not an error
    """Enough steps have been measured."""


class Watch(Silent):
    """A reporter that measures the steps, with all that happens between them, and then ends the training.

    Args:
      steps_per_epoch: of the run.

    Attributes:
      compiling: seconds of the first call, which compiles.
    """

    def __init__(self, steps_per_epoch: int) -> None:
        self._per_epoch = steps_per_epoch
        self._begun = self._last = 0.0
        self._done, self._steps, self._seconds = 0, 0, 0.0
        self.compiling = 0.0

    @property
    def rate(self) -> float:
        """Steps per second; those of the call that compiles only if there are no others."""
        return self._steps / self._seconds if self._steps else self._done / self.compiling

    def measure(self, loop: Loop) -> None:
        """Trains until enough is known."""
        self._begun = time.perf_counter()
        with contextlib.suppress(_Enough):
            loop.run()

    def progress(self, epochs: float) -> None:
        now, done = time.perf_counter(), round(epochs * self._per_epoch)
        if self._last:
            self._steps, self._seconds = self._steps + done - self._done, self._seconds + now - self._last
        else:
            self.compiling = now - self._begun
        self._last, self._done = now, done
        if self._seconds > _ENOUGH or now - self._begun > _LONGEST:
            raise _Enough

    def epoch(self, line: dict[str, Any]) -> None:
        self._last = time.perf_counter()  # a validation is measured by itself


def of_validation(model: Any, data: DataSet, config: Config, strategy: tf.distribute.Strategy, jit: bool) -> float:
    """Seconds of a validation, from some of its batches."""
    count, plan = len(data.validation), Plan(config.training.batch_size, jit=jit)
    if not count:
        return 0.0
    whole = Evaluation(model, Batches.of(data.validation, data, config), plan, strategy)
    some = data.validation.take(np.arange(min(count, _BATCHES * whole.batch_size)))
    evaluation = Evaluation(model, Batches.of(some, data, config), plan, strategy)
    evaluation()
    begun = time.perf_counter()
    evaluation()
    return (time.perf_counter() - begun) * count / len(some)
