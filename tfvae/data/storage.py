"""Reads bytes at a position in a file: local files with positional reads, object stores through TensorFlow."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import tensorflow as tf

from tfvae.errors import UserError

T = TypeVar("T")
S = TypeVar("S")

Place = tuple[str, int, int]

# Many at a time, because a request to an object store spends nearly all its time waiting.
_REQUESTS = 32


def remote(path: str) -> bool:
    """Whether a path is on another file system than the machine's own, such as gs://bucket/folder."""
    return "://" in path


def join(folder: str, name: str) -> str:
    """The path of a file in a folder, on any file system."""
    return f"{folder.rstrip('/')}/{name}"


def exists(path: str) -> bool:
    """Whether a file exists.

    Raises:
      UserError: its file system cannot be reached.
    """
    with _named(path):
        return bool(tf.io.gfile.exists(path))


def whole(path: str) -> bytes:
    """All bytes of a file.

    Raises:
      UserError: it cannot be read.
    """
    with _named(path), tf.io.gfile.GFile(path, "rb") if remote(path) else open(path, "rb") as file:
        content: bytes = file.read()
    return content


def size(path: str) -> int:
    """The size of a file, in bytes.

    Raises:
      UserError: it does not exist.
    """
    with _named(path):
        return int(tf.io.gfile.stat(path).length) if remote(path) else os.stat(path).st_size


def pieces(places: list[Place]) -> list[bytes]:
    """The bytes at each place (path, offset, count); fewer at the end of a file.

    Raises:
      UserError: a file cannot be read (names it).
    """
    if any(remote(path) for path, _, _ in places):
        return several(_remote_piece, places)
    opened: dict[str, int] = {}
    contents = []
    try:
        for path, offset, count in places:
            with _named(path):
                if path not in opened:
                    opened[path] = os.open(path, os.O_RDONLY)
                contents.append(os.pread(opened[path], count, offset))
    finally:
        for descriptor in opened.values():
            os.close(descriptor)
    return contents


def several(function: Callable[[S], T], arguments: Iterable[S]) -> list[T]:
    """Applies the function to each argument, in parallel; for functions that spend nearly all their time waiting."""
    with ThreadPoolExecutor(_REQUESTS, "tfvae-request") as pool:
        return list(pool.map(function, arguments))


def _remote_piece(place: Place) -> bytes:
    path, offset, count = place
    with _named(path), tf.io.gfile.GFile(path, "rb") as file:
        file.seek(offset)
        content: bytes = file.read(count)
    return content


@contextlib.contextmanager
def _named(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()}).") from error
    except tf.errors.OpError as error:
        reason = " ".join((error.message or type(error).__name__).split())
        raise UserError(f"{path}: cannot be read ({reason[:160]}).") from error
