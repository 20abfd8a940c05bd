"""A folder of PNG and JPEG images, listed here and decoded batch by batch in the pipeline."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfvae.config.data import Images
from tfvae.data import decoding
from tfvae.data.paths import existing_folder
from tfvae.data.splits import Source, Split
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
    """

    paths: tuple[str, ...]
    size: tuple[int, int]
    channels: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Height, width, channels."""
        return (*self.size, self.channels)

    @property
    def dtype(self) -> np.dtype:
        """Of decoded images: uint8."""
        return np.dtype(np.uint8)

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, indices: np.ndarray) -> ImageFiles:
        """The files at the indices, in their order."""
        return ImageFiles(tuple(self.paths[i] for i in indices), self.size, self.channels)

    def read(self, indices: np.ndarray) -> tf.Tensor:
        """The images at the indices, decoded: uint8 `[batch, height, width, channels]`.

        Raises:
          UserError: names the image that cannot be decoded.
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


def from_settings(settings: Images, seed: int) -> Source:
    """See `read`."""
    folder = existing_folder(settings.path, "data.path", "that holds PNG or JPEG images")
    return read(folder, settings.image_size, settings.channels)


def read(folder: Path, size: tuple[int, int], channels: int) -> Source:
    """Lists a folder, sorted by path; sub-folders of the first level, where there are any, are classes.

    Hidden files and files with other endings are passed over. Each header is checked now, each image when its turn
    comes.

    Args:
      folder: holds images, or class sub-folders that hold images.
      size: height and width of the examples.
      channels: 1 for grey, 3 for colour.

    Raises:
      UserError: no images, some of them not PNG or JPEG, or images both beside and inside sub-folders.
    """
    decoding.check_channels(channels)
    paths, others = _walk(folder)
    if not paths:
        raise UserError(f"{folder}: holds no images; want files that end in {', '.join(ENDINGS)}.")
    _check_headers(paths)
    parts = [Path(path).relative_to(folder).parts for path in paths]
    nested = sum(len(part) > 1 for part in parts)
    if 0 < nested < len(parts):
        raise UserError(
            f"{folder}: {len(parts) - nested} images lie in the folder and {nested} in its sub-folders; "
            "want all in it, or all in one sub-folder a class."
        )
    names, labels = None, None
    if nested:
        names = tuple(sorted({part[0] for part in parts}))
        number = {name: i for i, name in enumerate(names)}
        labels = np.array([number[part[0]] for part in parts], np.int64)
    notes = (f"{others} files of {folder} that do not end in {', '.join(ENDINGS)} were passed over.",) if others else ()
    files = ImageFiles(tuple(paths), size, channels)
    return Source(Split(files, labels), auto="unit", label_names=names, notes=notes)


def _walk(folder: Path) -> tuple[list[str], int]:
    paths, others = [], 0

    def refuse(error: OSError) -> None:
        raise UserError(f"{error.filename}: the folder cannot be read ({error.strerror}).") from error

    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.startswith("."):
                continue
            if name.lower().endswith(ENDINGS):
                paths.append(os.path.join(place, name))
            else:
                others += 1
    return sorted(paths), others


def _check_headers(paths: list[str]) -> None:
    broken = [path for path in paths if not _has_header(path)]
    if broken:
        more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
        raise UserError(f"{broken[0]}{more}: not a PNG or JPEG image by its first bytes; replace or remove it.")


def _has_header(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(8).startswith((_PNG, _JPEG))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
