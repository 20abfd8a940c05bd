"""Digests of contents: 64 bits for each example, in memory or in a file."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tfvae.data.splits import Known, Say
from tfvae.errors import UserError

_BYTES = 8
_CHUNK = 1 << 20
_THREADS = 8
_SECONDS_BETWEEN_LINES = 5.0


def of_rows(x: np.ndarray) -> np.ndarray:
    """uint64 `[n]`: the digest of the values of each example, the same on every machine.

    Example:
      >>> a, b, c = of_rows(np.array([[1, 2], [3, 4], [1, 2]]))
      >>> (a == c, a == b)
      (np.True_, np.False_)
    """
    rows = np.ascontiguousarray(little(x)).reshape(len(x), -1)
    return np.array([_number(hashlib.blake2b(row.data, digest_size=_BYTES)) for row in rows], np.uint64)


def little(x: np.ndarray) -> np.ndarray:
    """The values in little-endian order."""
    return x.astype(x.dtype.newbyteorder("<"), copy=False)


def of_files(paths: Sequence[str], names: Sequence[str], known: Known, say: Say) -> tuple[np.ndarray, Known]:
    """uint64 `[n]`: the digest of the content of each file; and the files by name.

    A file whose name, size and time of change are known is not read again.

    Args:
      paths: the files.
      names: of the files, which stay the same when their folder moves.
      known: files that were digested before.
      say: called with a sentence every few seconds.

    Raises:
      UserError: names the file that cannot be read.
    """

    def entry(path: str, name: str) -> tuple[int, int, int]:
        try:
            status, before = os.stat(path), known.get(name)
            if before is not None and tuple(before[:2]) == (status.st_size, status.st_mtime_ns):
                return status.st_size, status.st_mtime_ns, before[2]
            digest = hashlib.blake2b(digest_size=_BYTES)
            with open(path, "rb") as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
        return status.st_size, status.st_mtime_ns, _number(digest)

    files, told = {}, time.monotonic()
    with ThreadPoolExecutor(_THREADS, "tfvae-digest") as pool:
        for name, found in zip(names, pool.map(entry, paths, names), strict=True):
            files[name] = found
            if time.monotonic() - told > _SECONDS_BETWEEN_LINES:
                told = time.monotonic()
                say(f"reading the files to know them again: {len(files):,} of {len(paths):,} …")
    return np.array([digest for _, _, digest in files.values()], np.uint64), files


def _number(digest: hashlib.blake2b) -> int:
    return int.from_bytes(digest.digest(), "little")
