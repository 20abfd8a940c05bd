"""Progress output while training runs: a bar in a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import time
from types import MappingProxyType, TracebackType
from typing import Any, TextIO, cast

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from tfvae import printing
from tfvae.models.terms import Terms, shown, texts

_NONE: Terms = MappingProxyType({})
_SECONDS_BETWEEN_LINES = 2.0


class Reporter:
    """Prints messages and progress.

    Args:
      epochs: number of epochs of the run.
      quiet: print nothing.
      terms: of the model; the line of an epoch has those shown under `progress`, the first of them at its start.
    """

    def __init__(self, epochs: int, quiet: bool = False, terms: Terms = _NONE) -> None:
        self._epochs, self._quiet, self._terms = epochs, quiet, shown(terms, "progress")
        self._console = Console(
            file=cast(TextIO, printing.Safe(sys.stdout)), soft_wrap=True, highlight=False, markup=False
        )
        self._last_line, self._pending = 0.0, ""
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def __enter__(self) -> Reporter:
        if self._console.is_terminal and not self._quiet:
            columns = (TextColumn("epoch"), MofNCompleteColumn(), BarColumn(10), TimeRemainingColumn())
            self._bar = Progress(*columns, TextColumn("{task.description}"), console=self._console)
            self._task = self._bar.add_task("", total=self._epochs)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def say(self, text: str) -> None:
        """Prints a sentence, above the bar if there is one."""
        if not self._quiet:
            self._console.print(text)

    def progress(self, epochs: float) -> None:
        """Moves the bar to this number of epochs; may be fractional."""
        if self._bar is not None:
            self._bar.update(self._task, completed=round(epochs, 2))

    def epoch(self, line: dict[str, Any]) -> None:
        """Shows the metrics of a completed epoch."""
        train, validation = line["train"], line["validation"]
        latest = self._figures(validation or train)
        head, *rest = latest or [""]
        if validation and latest:
            # The first value is shown for both splits; the others are those of the validation.
            head = f"{self._figures(train)[0]}, validation {head}"
        rate = f"{train['examples_per_second']:,.0f} examples/s"
        text = "; ".join(part for part in (head, ", ".join(rest), rate) if part)
        if self._bar is not None:
            self._bar.update(self._task, completed=line["epoch"], description=", ".join(latest))
        self._pending = f"epoch {line['epoch']}/{self._epochs}: {text}"
        if time.monotonic() - self._last_line > _SECONDS_BETWEEN_LINES or line["epoch"] == self._epochs:
            self.last_epoch()

    def _figures(self, figures: dict[str, Any]) -> list[str]:
        return [f"{label} {text}" for label, text in texts(self._terms, figures)]

    def last_epoch(self) -> None:
        """Prints the line of the last epoch, if it was held back to keep the log short."""
        if self._pending:
            self._last_line = time.monotonic()
            self.say(self._pending)
            self._pending = ""
