"""Bytes from a place in a file: local ones by positional reads, those of object stores through TensorFlow."""

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

# A request to an object store is nearly all waiting.
_REQUESTS = 32


def remote(path: str) -> bool:
    """Whether a path is of another file system than the machine's own, as gs://bucket/folder is."""
    return "://" in path


def join(folder: str, name: str) -> str:
    """A file's path in a folder of any file system."""
    return f"{folder.rstrip('/')}/{name}"


def exists(path: str) -> bool:
    """Whether a file is there.

    Raises:
      UserError: its file system cannot be asked.
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
    """A file's bytes.

    Raises:
      UserError: it is not there.
    """
    with _named(path):
        return int(tf.io.gfile.stat(path).length) if remote(path) else os.stat(path).st_size


def pieces(places: list[Place]) -> list[bytes]:
    """The bytes at each place (path, offset, count); fewer than asked for where a file ends.

    Raises:
      UserError: names the file that cannot be read.
    """
    if any(remote(path) for path, _, _ in places):
        return several(_remote_piece, places)
    opened: dict[str, int] = {}
    found = []
    try:
        for path, offset, count in places:
            with _named(path):
                if path not in opened:
                    opened[path] = os.open(path, os.O_RDONLY)
                found.append(os.pread(opened[path], count, offset))
    finally:
        for descriptor in opened.values():
            os.close(descriptor)
    return found


def several(function: Callable[[S], T], arguments: Iterable[S]) -> list[T]:
    """The function of each argument, many at a time, for what is nearly all waiting."""
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
        said = " ".join((error.message or type(error).__name__).split())
        raise UserError(f"{path}: cannot be read ({said[:160]}).") from error
