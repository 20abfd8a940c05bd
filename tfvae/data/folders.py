"""Finds the files of a folder and its sub-folders, through links too."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tfvae.data.paths import shown
from tfvae.errors import UserError


class Found(NamedTuple):
    """The files below a folder.

    Attributes:
      paths: files with one of the endings, sorted.
      others: number of other files.
    """

    paths: list[str]
    others: int


def find(folder: Path, endings: tuple[str, ...]) -> Found:
    """Lists a folder with all its sub-folders; links to folders and files are followed, hidden ones are skipped.

    Names that are not valid UTF-8 are kept byte for byte, as `os.fsencode` gives them back.

    Args:
      folder: where to begin.
      endings: of the files to list, in small letters.

    Raises:
      UserError: a folder cannot be read, or a link leads back to a folder that contains it.
    """
    paths, others = [], 0
    for entry in _walk(str(folder), (os.path.realpath(folder),)):
        if entry.name.lower().endswith(endings):
            paths.append(entry.path)
        else:
            others += 1
    return Found(sorted(paths), others)


def _walk(folder: str, above: tuple[str, ...]) -> Iterator[os.DirEntry[str]]:
    """The files below a folder; `above` has its own real path and those of the folders on the way to it."""
    try:
        with os.scandir(folder) as listed:
            entries = [entry for entry in listed if not entry.name.startswith(".")]
        for entry in entries:
            if not entry.is_dir():
                yield entry
            elif entry.is_symlink():
                yield from _walk(entry.path, (*above, _target(entry.path, above)))
            else:
                yield from _walk(entry.path, (*above, os.path.join(above[-1], entry.name)))
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UserError(f"{shown(error.filename)}: the link leads back to itself; remove it.") from error
        raise UserError(f"{shown(error.filename)}: the folder cannot be read ({error.strerror}).") from error


def _target(link: str, above: tuple[str, ...]) -> str:
    target = os.path.realpath(link)
    for place in above:
        if os.path.commonpath([place, target]) == target:
            raise UserError(
                f"{shown(link)}: the link leads back to {shown(target)}, a folder that contains it, so the images in "
                "it have no end; remove the link."
            )
    return target
