"""The one exception that a command turns into a sentence and exit status 2, and what its sentences share."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """Something that the user gave cannot be used: says what came, what was wanted, how to mend it."""


def nearest(name: str, names: Iterable[str]) -> str:
    """ " (did you mean X?)" for the closest of the names, or nothing."""
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f" (did you mean {close[0]}?)" if close else ""


def listed(names: Iterable[str]) -> str:
    """The names as a sentence lists them: "a", "a and b", "a, b and c"."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
