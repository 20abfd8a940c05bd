"""Atomic writes: a file is written under a temporary name, then renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

UNFINISHED = ".tfvae-"  # prefix of the temporary names


def write(path: Path, writer: Callable[[Path], Any]) -> None:
    """Calls `writer` with a temporary path beside `path`, with the same suffix, and renames the result to `path`.

    Args:
      path: the file to write.
      writer: writes to the path that it is called with.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{UNFINISHED}{path.stem}-", suffix=path.suffix)
    os.close(handle)
    try:
        writer(Path(name))
        os.chmod(name, 0o644)
        with open(name, "r+b") as written:
            os.fsync(written.fileno())  # without it a power loss may leave an empty file under the new name
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)
