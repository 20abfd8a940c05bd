"""`--plan`: what a run would take: its steps, memory, disk and time, the last measured on the real step."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfvae.config import Config
from tfvae.data.splits import DataSet
from tfvae.engine.loop import Loop
from tfvae.engine.outputs import Outputs
from tfvae.engine.plan import steps_per_epoch
from tfvae.errors import UserError
from tfvae.runs import plan_sizes, plan_speed
from tfvae.runs.folder import Run

_WIDTH = 15


@dataclass(frozen=True)
class Plan:
    """What a run would take.

    Attributes:
      steps_per_epoch: steps per epoch.
      steps: steps in all.
      left: steps still to do.
      parameters: number of weights.
      memory: bytes by purpose, on each replica.
      peak: bytes that this process had at most while it was measured, with TensorFlow itself; and the GPU's, if any.
      disk: bytes by purpose.
      rate: measured steps per second; None: nothing was left to measure.
      seconds: of the rest of the run, apart from its pictures; None as `rate`.
      at_most: whether early stopping may end the run sooner.
    """

    steps_per_epoch: int
    steps: int
    left: int
    parameters: int
    memory: dict[str, int]
    peak: dict[str, int]
    disk: dict[str, int]
    rate: float | None
    seconds: float | None
    at_most: bool

    def lines(self, folder: str | Path) -> list[str]:
        """The plan as text.

        Args:
          folder: the run's, which need not exist; the space there is compared.
        """
        left = f", {self.left:,} left" if self.left < self.steps else ""
        folder = Path(folder).resolve()
        free = shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.is_dir())).free
        shown = {
            "steps": f"{self.steps_per_epoch:,} per epoch, {self.steps:,} in all{left}",
            "parameters": f"{self.parameters:,}",
            "memory": _sizes(self.memory),
            "peak": f"{_sizes(self.peak)}, measured",
            "disk": f"{_sizes(self.disk)}; {_size(free)} are free",
            "time": self._time(),
        }
        return [f"  {label:<{_WIDTH}} {text}" for label, text in shown.items()]

    def _time(self) -> str:
        if self.seconds is None or self.rate is None:
            return "nothing is left to do"
        time = f"{'at most' if self.at_most else 'about'} {_duration(self.seconds)}"
        rate = f"{self.rate:,.0f}" if self.rate >= 100 else f"{self.rate:.3g}"
        return f"{time}, from {rate} measured steps a second; the pictures at the end are not counted"


def check(config: Config) -> None:
    """Raises:
    UserError: a plan of several machines, which one process cannot measure.
    """
    if config.training.strategy == "multiworker":
        raise UserError("--plan: measures this machine only; plan with --strategy default or mirrored.")


def steps_done(run: Run | None) -> int:
    """The steps of a run's newest checkpoint, which is not read."""
    paths = run.checkpoints.glob("last-*.index") if run else ()
    return max((int(path.stem.rpartition("-")[2]) for path in paths), default=0)


def measured(model: Any, data: DataSet, config: Config, strategy: tf.distribute.Strategy, done: int | None) -> Plan:
    """The plan of a run; the model is trained to measure it, and must be thrown away.

    Args:
      model: created in the strategy's scope.
      data: the run's.
      config: all settings.
      strategy: the distribution strategy.
      done: steps already done; None: all that the run needs.
    """
    training, watch = config.training, plan_speed.Watch(steps_per_epoch(config.training, len(data.train)))
    loop = Loop(model, data, config, strategy, Outputs(reporter=watch))
    steps = loop.steps_per_epoch * training.epochs
    left = 0 if done is None else max(0, steps - done)
    rate = seconds = None
    if left:
        watch.measure(loop)
        rate = watch.rate
        validation = plan_speed.of_validation(model, data, config, strategy, loop.jit)
        seconds = watch.compiling + left / rate + left / loop.steps_per_epoch * validation
    return Plan(
        steps_per_epoch=loop.steps_per_epoch,
        steps=steps,
        left=left,
        parameters=int(model.count_params()),
        memory=plan_sizes.memory(model, loop, data, config, strategy.num_replicas_in_sync),
        peak=plan_sizes.peak(),
        disk=plan_sizes.disk(model, loop, training),
        rate=rate,
        seconds=seconds,
        at_most=training.early_stopping is not None and model.judged_by is not None,
    )


def _sizes(sizes: plan_sizes.Sizes) -> str:
    return ", ".join(f"{name} {_size(size)}" for name, size in sizes.items())


def _size(count: float) -> str:
    """Bytes as text.

    Example:
      >>> _size(1_234_000)
      '1.2 MB'
    """
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            break
        count /= 1000
    return f"{count:,.0f} {unit}" if unit == "bytes" or count >= 100 else f"{count:.1f} {unit}"


def _duration(seconds: float) -> str:
    """Seconds as text.

    Example:
      >>> _duration(3700)
      '1 h 2 min'
    """
    if seconds < 90:
        return f"{math.ceil(seconds)} s"
    minutes = round(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = {"d": days, "h": hours, "min": 0 if days else minutes}
    return " ".join(f"{value} {unit}" for unit, value in parts.items() if value)
