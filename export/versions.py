"""Version folders: the next integer, whole or not at all, and never changed again."""

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
    """A temporary folder in `base`, which is made where it is not there; what is left of it at the end is removed.

    So is what a killed process left there.

    Raises:
      UserError: `base` is a file.
    """
    if base.exists() and not base.is_dir():
        raise UserError(f"--out {base}: it is a file; want a folder.")
    made = _make(base)
    try:
        with contextlib.ExitStack() as stack:
            with _held(base, wait=True):  # so that none is swept away before its own process holds it
                _sweep(base)
                folder = Path(tempfile.mkdtemp(dir=base, prefix=UNFINISHED))
                stack.callback(shutil.rmtree, folder, ignore_errors=True)
                stack.enter_context(_held(folder))
            yield folder
    finally:
        for empty in made:  # an export that failed leaves nothing
            with contextlib.suppress(OSError):
                empty.rmdir()


def publish(folder: Path, base: Path, finish: Callable[[int], None]) -> Path:
    """Renames a finished folder to the next integer in `base`; its files can only be read from then on.

    Args:
      folder: from `building`.
      base: where the versions are.
      finish: called with the version, to write what names it; again with the next one where another process was faster.

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
    """Removes what killed processes left."""
    for left in base.glob(f"{UNFINISHED}*"):
        with contextlib.suppress(FileNotFoundError), _held(left) as ours:
            if ours:
                shutil.rmtree(left, ignore_errors=True)


@contextlib.contextmanager
def _held(folder: Path, wait: bool = False) -> Iterator[bool]:
    """Holds a folder for this process, where no other does; the system lets go of it however the process ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(descriptor)


def _make(base: Path) -> list[Path]:
    """Makes the folder, and gives those that were not there before, the deepest first."""
    missing = [path for path in (base, *base.parents) if not path.exists()]
    base.mkdir(parents=True, exist_ok=True)
    return missing


def _flush_and_freeze(folder: Path) -> None:
    os.chmod(folder, 0o755)  # temporary folders are for their owner alone
    for root, _, names in os.walk(folder):
        for path in (Path(root) / name for name in names):
            if not path.is_symlink():
                _flush(path)
                os.chmod(path, 0o444)
        _flush(Path(root))


def _flush(path: Path) -> None:
    # Else a machine that loses power may keep the new name of empty files.
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
