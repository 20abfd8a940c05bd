"""The exception that a command prints as one sentence with exit status 2, and helpers for such sentences."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """The user's input is invalid; the message says what was received, what was expected and how to fix it."""


def reason(error: BaseException) -> str:
    """Why something failed, on one line, to stand in brackets in a sentence about it.

    Example:
      >>> reason(ValueError("got -1,\\nexpected 2."))
      'ValueError: got -1, expected 2'
    """
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    text = " ".join(str(error).split()).rstrip(".")[:200]
    return text if text and isinstance(error, UserError) else f"{type(error).__name__}: {text}".rstrip(": ")


def nearest(name: str, names: Iterable[str]) -> str:
    """ " (did you mean X?)" with the closest of the names, or an empty string."""
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f" (did you mean {close[0]}?)" if close else ""


def listed(names: Iterable[str]) -> str:
    """The names joined for a sentence: "a", "a and b", "a, b and c"."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
