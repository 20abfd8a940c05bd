"""Files that are written whole or not at all: under a temporary name first, then renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

UNFINISHED = ".tfvae-"  # how the temporary names begin


def write(path: Path, writer: Callable[[Path], Any]) -> None:
    """Calls `writer` on a temporary name beside `path`, with the same suffix, and renames what it wrote.

    Args:
      path: the file that shall be there, whole or not at all.
      writer: writes to the path that it is given.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{UNFINISHED}{path.stem}-", suffix=path.suffix)
    os.close(handle)
    try:
        writer(Path(name))
        os.chmod(name, 0o644)
        with open(name, "r+b") as written:
            os.fsync(written.fileno())  # else a machine that loses power may keep the new name of an empty file
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)
