"""What a user sees while training runs: a bar in a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

_SECONDS_BETWEEN_LINES = 2.0


class Reporter:
    """Says what happens, and shows how far the run has come.

    Args:
      epochs: how many the run has.
      quiet: say nothing.
    """

    def __init__(self, epochs: int, quiet: bool = False) -> None:
        self._epochs, self._quiet = epochs, quiet
        self._console = Console(file=sys.stdout, soft_wrap=True, highlight=False, markup=False)
        self._last_line, self._unsaid = 0.0, ""
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
        """Prints a sentence, above the bar where there is one."""
        if not self._quiet:
            self._console.print(text)

    def progress(self, epochs: float) -> None:
        """Moves the bar to so many epochs, or parts of one."""
        if self._bar is not None:
            self._bar.update(self._task, completed=round(epochs, 2))

    def epoch(self, line: dict[str, Any]) -> None:
        """Shows the metrics of an epoch that has ended."""
        train, judged = line["train"], line["validation"] or line["train"]
        validation = f", validation {judged['elbo']:.3f}" if line["validation"] else ""
        # The ELBO first: the loss has a weight that moves, so that its values do not compare.
        text = (
            f"ELBO {train['elbo']:.3f}{validation} nats (reconstruction {judged['reconstruction']:.2f}, "
            f"KL {judged['kl']:.2f}), loss {train['loss']:.3f}, {judged['active_units']} active, "
            f"{train['examples_per_second']:,.0f} examples/s"
        )
        if self._bar is not None:
            short = f"ELBO {judged['elbo']:.2f} nats, KL {judged['kl']:.2f}, {judged['active_units']} active"
            self._bar.update(self._task, completed=line["epoch"], description=short)
        self._unsaid = f"epoch {line['epoch']}/{self._epochs}: {text}"
        if time.monotonic() - self._last_line > _SECONDS_BETWEEN_LINES or line["epoch"] == self._epochs:
            self.last_epoch()

    def last_epoch(self) -> None:
        """Prints the line of the last epoch, if it was held back so as not to flood a log."""
        if self._unsaid:
            self._last_line = time.monotonic()
            self.say(self._unsaid)
            self._unsaid = ""
