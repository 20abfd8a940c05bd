"""Where the engine puts what it has to show: a run folder and a reporter, of which it knows no more than this."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


class Reporter(Protocol):
    """What the user sees while training runs."""

    def say(self, text: str) -> None:
        """Shows a sentence."""

    def progress(self, epochs: float) -> None:
        """Shows how many epochs, or parts of one, are done."""

    def epoch(self, line: dict[str, Any]) -> None:
        """Shows the metrics of an epoch that has ended."""

    def last_epoch(self) -> None:
        """Shows the metrics of the last epoch, where they were held back."""


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
    """Where a run keeps its checkpoints and its metrics."""

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""

    @property
    def tensorboard(self) -> Path:
        """The folder of TensorBoard's files."""

    def metrics(self) -> list[dict[str, Any]]:
        """The metrics of each epoch, as they were written."""

    def write_metrics(self, lines: list[dict[str, Any]]) -> None:
        """Replaces the metrics of all epochs."""

    def append_metrics(self, line: dict[str, Any]) -> None:
        """Adds the metrics of an epoch."""


@dataclass(frozen=True)
class Outputs:
    """What training leaves behind and shows.

    Attributes:
      run: where metrics and checkpoints go; None: they are not kept.
      reporter: what the user sees.
      profile: steps to write a TensorBoard profile of, after those that compile; 0: none.
    """

    run: RunFolder | None = None
    reporter: Reporter = Silent()
    profile: int = 0
