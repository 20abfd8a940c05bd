"""Checks image files before training, all of them: which are bad and why, and what is done to the others."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import tensorflow as tf

from tfvae.data import pillow
from tfvae.data.paths import shown
from tfvae.data.pillow import BadImageError, Header
from tfvae.errors import UserError

NAMED = 20  # bad files, before the others are only counted
DECODED = 200e6  # bytes of files that "auto" decodes: a few seconds of work
_THREADS, _CHUNK, _SECONDS = 16, 32, 5.0

T = TypeVar("T")

# Who hears how far the check of a long folder is.
_listener: ContextVar[Callable[[str], None] | None] = ContextVar("listener", default=None)


class Files(Protocol):
    """Images on disk, such as `images.ImageFiles`."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The files."""

    def __len__(self) -> int: ...

    def read(self, indices: np.ndarray) -> tf.Tensor:
        """Decodes the images at the indices."""


@contextlib.contextmanager
def heard_by(say: Callable[[str], None] | None) -> Iterator[None]:
    """Inside the block, `say` is called with the progress of checks that take long."""
    token = _listener.set(say)
    try:
        yield
    finally:
        _listener.reset(token)


def headers(paths: Sequence[str]) -> tuple[dict[str, str], dict[str, Header]]:
    """The reason of each file with a bad header, and the headers of the others, in the order of the paths."""
    bad, good = {}, {}
    with ThreadPoolExecutor(_THREADS) as pool:
        results = _counted(pool.map(_header, paths), "reading headers", len(paths))
        for path, result in zip(paths, results, strict=True):
            if isinstance(result, Header):
                good[path] = result
            else:
                bad[path] = result
    return bad, good


def decodes(check: str, good: Mapping[str, Header]) -> bool:
    """Whether `data.check` asks to decode these files."""
    return check == "decode" or (check == "auto" and sum(header.bytes for header in good.values()) <= DECODED)


def contents(files: Files) -> dict[str, str]:
    """The reason of each file that cannot be decoded; decodes all, as training would."""

    def check(first: int) -> dict[str, str]:
        chunk = range(first, min(first + _CHUNK, len(files)))
        if _reason(files, chunk) is None:
            return {}
        reasons = {files.paths[i]: _reason(files, [i]) for i in chunk}
        return {path: reason for path, reason in reasons.items() if reason}

    bad: dict[str, str] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in _counted(pool.map(check, range(0, len(files), _CHUNK)), "decoding", len(files), _CHUNK):
            bad |= found
    return bad


def judge(folder: Path, bad: Mapping[str, str], count: int, on_bad: str) -> tuple[str, ...]:
    """A note on the files that are left out, if there are any.

    Args:
      folder: with the files.
      bad: the reason of each bad file.
      count: of all files.
      on_bad: "stop" or "skip".

    Raises:
      UserError: bad files are to stop the run, or no file is good; it names them.
    """
    if not bad:
        return ()
    listed = [f"{_within(folder, path)}: {bad[path]}" for path in sorted(bad)[:NAMED]]
    names = "; ".join([*listed, *([f"and {len(bad) - NAMED} more"] if len(bad) > NAMED else [])])
    if on_bad == "skip" and len(bad) < count:
        return (f"{shown(folder)}: left out {len(bad)} of {count} images that cannot be used: {names}.",)
    if on_bad == "skip":
        raise UserError(f"{shown(folder)}: none of the {count} images can be used: {names}. Replace them.")
    advice = "Replace or remove {}, or leave {} out with --set data.on_bad=skip."
    if len(bad) == 1:
        ((path, reason),) = bad.items()
        raise UserError(f"{shown(path)}: {reason}. {advice.format('it', 'it')}")
    raise UserError(
        f"{shown(folder)}: {len(bad)} of {count} images cannot be used: {names}. {advice.format('them', 'them')}"
    )


def conversions(good: Sequence[Header], channels: int) -> tuple[str, ...]:
    """A sentence for each thing that is done to some of the images on the way to pixels, with their number."""
    deep = sum(header.bits == 16 for header in good)
    kinds = {
        "an EXIF orientation; it was applied": [header.orientation != 1 for header in good],
        "transparent parts; they were laid on white (data.channels=4 keeps alpha)": [
            header.alpha and channels < 4 for header in good
        ],
        "CMYK colours; they were converted to RGB": [header.mode == "CMYK" for header in good],
        "a palette; it was replaced by its colours": [header.mode == "P" for header in good],
        "1 bit a pixel; it became 0 and the largest value": [header.mode == "1" for header in good],
        "several frames or pages; the first was taken": [header.frames for header in good],
        "16 bits a channel; examples are uint16, 0 to 65535": [header.bits == 16 for header in good],
        "8 bits a channel beside others with 16; they were multiplied by 257": [
            deep > 0 and header.bits == 8 for header in good
        ],
    }
    counts = {kind: sum(flags) for kind, flags in kinds.items() if any(flags)}
    return tuple(f"{n} image{' has' if n == 1 else 's have'} {kind}." for kind, n in counts.items())


def _header(path: str) -> Header | str:
    try:
        return pillow.header(path)
    except BadImageError as error:
        return error.reason


def _reason(files: Files, indices: Sequence[int]) -> str | None:
    """Why these files cannot be decoded, or None."""
    try:
        files.read(np.asarray(indices))
    except BadImageError as error:
        return error.reason
    except UserError as error:
        return str(error).rstrip(".")
    return None


def _within(folder: Path, path: str) -> str:
    return shown(os.path.relpath(path, folder))


def _counted(results: Iterable[T], doing: str, total: int, step: int = 1) -> Iterator[T]:
    """Passes the results on, and tells the listener every few seconds how far they are."""
    told = time.monotonic()
    for number, result in enumerate(results):
        yield result
        if time.monotonic() - told > _SECONDS and (say := _listener.get()):
            told = time.monotonic()
            say(f"checking images, {doing}: {min((number + 1) * step, total):,} of {total:,} …")
