"""Version folders: numbered by integers, published atomically, and read-only afterwards."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tfvae.errors import UserError
from tfvae.files import UNFINISHED


@contextlib.contextmanager
def building(base: Path) -> Iterator[Path]:
    """Yields a temporary folder in `base`, which is created if missing; removes the folder at the end if it remains.

    Also removes temporary folders that killed processes left.

    Raises:
      UserError: `base` or a parent of it is a file.
    """
    existing = next(path for path in (base, *base.parents) if path.exists())
    if not existing.is_dir():
        raise UserError(f"{existing}: this is a file; expected a folder for the versions.")
    created = _make(base)
    try:
        with contextlib.ExitStack() as stack:
            with _held(base, wait=True):  # so that no new folder is removed before its own process has locked it
                _sweep(base)
                folder = Path(tempfile.mkdtemp(dir=base, prefix=UNFINISHED))
                stack.callback(shutil.rmtree, folder, ignore_errors=True)
                stack.enter_context(_held(folder))
            yield folder
    finally:
        for folder in created:  # a failed export leaves nothing; folders in use are not empty
            with contextlib.suppress(OSError):
                folder.rmdir()


def publish(folder: Path, base: Path, finish: Callable[[int], None]) -> Path:
    """Renames a finished folder to the next integer in `base`, and makes its files read-only.

    Args:
      folder: from `building`.
      base: the folder of the versions.
      finish: called with the version, to write files that contain it; called again if another process took the number.

    Returns:
      The version's folder.
    """
    while True:
        version = 1 + max((int(path.name) for path in base.iterdir() if path.name.isdecimal()), default=0)
        finish(version)
        _flush_and_freeze(folder)
        try:
            os.rename(folder, base / str(version))
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            continue
        _flush(base)
        return base / str(version)


def _sweep(base: Path) -> None:
    """Removes temporary folders that killed processes left."""
    for unfinished in base.glob(f"{UNFINISHED}*"):
        with contextlib.suppress(FileNotFoundError), _held(unfinished) as locked:
            if locked:
                shutil.rmtree(unfinished, ignore_errors=True)


@contextlib.contextmanager
def _held(folder: Path, wait: bool = False) -> Iterator[bool]:
    """Yields whether this process got the folder's lock; the system releases it however the process ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(descriptor)


def _make(base: Path) -> list[Path]:
    """Creates the folder; returns the folders that were created, the deepest first."""
    missing = [path for path in (base, *base.parents) if not path.exists()]
    base.mkdir(parents=True, exist_ok=True)
    return missing


def _flush_and_freeze(folder: Path) -> None:
    os.chmod(folder, 0o755)  # a temporary folder is accessible only to its owner
    for root, _, names in os.walk(folder):
        for path in (Path(root) / name for name in names):
            if not path.is_symlink():
                _flush(path)
                os.chmod(path, 0o444)
        _flush(Path(root))


def _flush(path: Path) -> None:
    # Without it a power loss may leave empty files under the new name.
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
