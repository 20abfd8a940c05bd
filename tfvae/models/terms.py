"""A model's description of its terms; progress bar, curves, report and card use it, and know no term by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np


class Term(NamedTuple):
    """One figure of a model.

    Attributes:
      label: the name to display.
      unit: `nats`, or another; empty for a bare number.
      better: `higher`, `lower`, or empty if neither is.
      shown: where it appears: `progress` (the line of an epoch), `curves`, `report` (the summary at the end) and
        `card` (of an export).
      digits: after the decimal point.
      compute: computes the value from the recorded figures of the same line; None: it is recorded itself.
    """

    label: str
    unit: str = "nats"
    better: str = ""
    shown: frozenset[str] = frozenset({"progress", "curves", "report", "card"})
    digits: int = 2
    compute: Callable[[Mapping[str, Any]], float] | None = None

    def text(self, value: float) -> str:
        """The value with its unit, as text.

        Example:
          >>> Term("ELBO").text(-96.831)
          '-96.83 nats'
        """
        number = f"{value:.{self.digits}f}" if np.isfinite(value) else str(value)
        return f"{number} {self.unit}".rstrip()


Terms = Mapping[str, Term]


def value(name: str, term: Term, figures: Mapping[str, Any]) -> float | None:
    """The value of a term among recorded figures; None if it is missing or not a single number.

    Example:
      >>> value("kl", Term("KL"), {"kl": 3.0}), value("kl", Term("KL"), {})
      (3.0, None)
    """
    try:
        number = figures[name] if term.compute is None else term.compute(figures)
    except (KeyError, TypeError, ZeroDivisionError):
        return None
    return None if isinstance(number, (bool, str)) or number is None or np.ndim(number) else float(number)


def texts(terms: Terms, figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Label and text of each term that has a value among the figures."""
    values = {name: value(name, term, figures) for name, term in terms.items()}
    return [(term.label, term.text(v)) for name, term in terms.items() if (v := values[name]) is not None]


def shown(terms: Terms, where: str) -> dict[str, Term]:
    """The terms that appear at a place, in the model's order.

    Example:
      >>> list(shown({"a": Term("A"), "b": Term("B", shown=frozenset())}, "card"))
      ['a']
    """
    return {name: term for name, term in terms.items() if where in term.shown}
