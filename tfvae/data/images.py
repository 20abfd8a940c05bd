"""A folder of PNG and JPEG images, listed once and decoded batch by batch in the pipeline."""

from __future__ import annotations

import dataclasses
import functools
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfvae.config.data import Images
from tfvae.data import content, decoding, own
from tfvae.data.folders import of as layout_of
from tfvae.data.paths import existing_folder
from tfvae.data.splits import Known, Say, Source, Split
from tfvae.errors import UserError

ENDINGS = (".png", ".jpg", ".jpeg")
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"


@dataclass(frozen=True, eq=False)
class ImageFiles:
    """Images that stay on disk until a batch needs them.

    Attributes:
      paths: the files, PNG or JPEG, in a fixed order.
      size: height and width after resize and crop.
      channels: 1 for grey, 3 for colour.
      folder: from which files have their names; "": their paths are their names.
    """

    paths: tuple[str, ...]
    size: tuple[int, int]
    channels: int
    folder: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """Height, width, channels."""
        return (*self.size, self.channels)

    @property
    def dtype(self) -> np.dtype:
        """The dtype of decoded images: uint8."""
        return np.dtype(np.uint8)

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, indices: np.ndarray) -> ImageFiles:
        """The files at the indices, in their order."""
        return dataclasses.replace(self, paths=tuple(self.paths[i] for i in indices))

    def read(self, indices: np.ndarray) -> tf.Tensor:
        """The images at the indices, decoded: uint8 `[batch, height, width, channels]`.

        Raises:
          UserError: an image cannot be decoded (names it).
        """
        paths = [self.paths[i] for i in indices]
        try:
            return decoding.decode_files(tf.constant(paths), self.size, self.channels)
        except tf.errors.OpError as error:
            named = ((path, functools.partial(tf.io.read_file, path)) for path in dict.fromkeys(paths))
            raise decoding.explain(named, self.size, self.channels, error) from error

    def to_fit(self, kind: str) -> np.ndarray:
        """See `decoding.to_fit`."""
        return decoding.to_fit(kind)

    def digests(self, known: Known, say: Say) -> tuple[np.ndarray, Known]:
        """See `OnDisk`: of the content of each file."""
        names = [os.path.relpath(path, self.folder) if self.folder else path for path in self.paths]
        return content.of_files(self.paths, names, known, say)


def from_settings(settings: Images, seed: int) -> Source:
    """See `read`."""
    folder = existing_folder(settings.path, "data.path", "with PNG or JPEG images")
    return read(folder, settings.image_size, settings.channels, settings.split)


def read(folder: Path, size: tuple[int, int], channels: int, split: str | None = None) -> Source:
    """Lists a folder, sorted by path; `folders.of` says which sub-folders are classes and which are splits.

    Hidden files and files with other extensions are skipped. All headers are checked now; each image is decoded when
    a batch needs it.

    Args:
      folder: contains images, or one sub-folder of images per class.
      size: height and width of the examples.
      channels: 1 for grey, 3 for colour.
      split: a file that names the split of each image, or None.

    Raises:
      UserError: there are no images, a file is not PNG or JPEG, or images lie both in the folder and in sub-folders.
    """
    decoding.check_channels(channels)
    paths, others = _walk(folder)
    if not paths:
        raise UserError(f"{folder}: contains no images; expected files that end in {', '.join(ENDINGS)}.")
    _check_headers(paths)
    layout = layout_of(folder, paths, split)
    notes = (f"{folder}: skipped {others} files that do not end in {', '.join(ENDINGS)}.",) if others else ()
    files = Split(ImageFiles(tuple(paths), size, channels, str(folder)), layout.labels)
    return Source(
        **own.divided(files, dict(layout.splits)),
        auto="unit",
        label_names=layout.label_names,
        notes=notes + layout.notes,
        origin=layout.origin,
    )


def _walk(folder: Path) -> tuple[list[str], int]:
    paths, others = [], 0

    def fail(error: OSError) -> None:
        raise UserError(f"{error.filename}: the folder cannot be read ({error.strerror}).") from error

    for parent, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.startswith("."):
                continue
            if name.lower().endswith(ENDINGS):
                paths.append(os.path.join(parent, name))
            else:
                others += 1
    return sorted(paths), others


def _check_headers(paths: list[str]) -> None:
    broken = [path for path in paths if not _has_header(path)]
    if broken:
        more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
        raise UserError(f"{broken[0]}{more}: not a PNG or JPEG image (wrong first bytes); replace or remove it.")


def _has_header(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(8).startswith((_PNG, _JPEG))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
