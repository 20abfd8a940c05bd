"""Printing that cannot end a run: characters that the terminal lacks are replaced, output that nobody takes is lost.

A closed pipe (`| head`), a full disk under a log and a terminal that is not UTF-8 are the reader's affair, not the
run's.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from typing import Any, TextIO

# Characters that we print, and what stands for them where the encoding lacks them.
_PLAIN = {
    "\u2026": "...",
    "\u2192": "->",
    "\u2212": "-",
    "\u2013": "-",
    "\u2014": "-",
    "\u00d7": "x",
    "\u00b1": "+-",
    "\u2265": ">=",
    "\u2264": "<=",
    "\u2019": "'",
    "\u2501": "-",
    "\u2578": "-",
    "\u257a": "-",
}


def _plain(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    missing = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character, "?") for character in missing), error.end


codecs.register_error("tfvae.plain", _plain)


class _Patient(io.TextIOWrapper):
    """Standard output or error that goes to the null device after the first error of the one who reads it."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError:
            self._give_up()
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError:
            self._give_up()

    def _give_up(self) -> None:
        """What is still in the buffers goes to the null device too, so that it does not fail again at exit."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)
        with contextlib.suppress(OSError):
            super().flush()


class Safe:
    """Writes to somebody else's stream, which stays as it is; what it cannot take is replaced or lost."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.encoding = getattr(stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """Writes the text, with plain characters where the encoding has no others."""
        with contextlib.suppress(OSError, ValueError):  # ValueError: the stream is closed
            self._stream.write(text.encode(self.encoding, "tfvae.plain").decode(self.encoding))
        return len(text)

    def flush(self) -> None:
        """Flushes the stream."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def prepare() -> None:
    """Makes standard output and error of a command safe to print to; a second call changes nothing."""
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None:  # closed by the caller: another file would get its number
            nowhere = os.open(os.devnull, os.O_WRONLY)
            if nowhere != descriptor:
                os.dup2(nowhere, descriptor)
                os.close(nowhere)
            setattr(sys, name, io.TextIOWrapper(io.FileIO(descriptor, "w", closefd=False), "utf-8"))
        elif type(stream) is io.TextIOWrapper:  # and not what a notebook or a test put in its place
            encoding, buffered = stream.encoding, stream.line_buffering
            stream.flush()
            # Not `detach`: a logger may hold the stream, and goes on writing to it.
            file = open(stream.fileno(), "wb", closefd=False)  # noqa: SIM115
            patient = _Patient(file, encoding, "tfvae.plain", line_buffering=buffered, write_through=False)
            patient.mode = "w"  # type: ignore[misc]
            setattr(sys, name, patient)
            setattr(sys, f"__{name}__", patient)
