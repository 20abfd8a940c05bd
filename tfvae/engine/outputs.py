"""The interfaces through which the engine writes its results: a run folder and a reporter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


class Reporter(Protocol):
    """Output for the user while training runs."""

    def say(self, text: str) -> None:
        """Prints a sentence."""

    def progress(self, epochs: float) -> None:
        """Shows how many epochs are done; may be fractional."""

    def epoch(self, line: dict[str, Any]) -> None:
        """Shows the metrics of a completed epoch."""

    def last_epoch(self) -> None:
        """Shows the metrics of the last epoch, if they were not shown yet."""


class Silent:
    """A reporter that shows nothing."""

    def say(self, text: str) -> None:
        """Shows nothing."""

    def progress(self, epochs: float) -> None:
        """Shows nothing."""

    def epoch(self, line: dict[str, Any]) -> None:
        """Shows nothing."""

    def last_epoch(self) -> None:
        """Shows nothing."""


class RunFolder(Protocol):
    """Storage of a run's checkpoints and metrics."""

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""

    @property
    def tensorboard(self) -> Path:
        """The folder of TensorBoard's files."""

    def metrics(self) -> list[dict[str, Any]]:
        """The metrics of each epoch."""

    def write_metrics(self, lines: list[dict[str, Any]]) -> None:
        """Replaces the metrics of all epochs."""

    def append_metrics(self, line: dict[str, Any]) -> None:
        """Adds the metrics of an epoch."""


@dataclass(frozen=True)
class Outputs:
    """Destinations of what training saves and prints.

    Attributes:
      run: stores metrics and checkpoints; None: they are not stored.
      reporter: output for the user.
      profile: number of steps to profile for TensorBoard, after those that compile; 0: none.
    """

    run: RunFolder | None = None
    reporter: Reporter = Silent()
    profile: int = 0
