"""A folder of images, listed and checked once and decoded batch by batch in the pipeline."""

from __future__ import annotations

import dataclasses
import functools
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfvae.config.data import Images
from tfvae.data import checking, content, decoding, folders, own, pillow
from tfvae.data.layout import groups as layout_groups
from tfvae.data.layout import of as layout_of
from tfvae.data.paths import existing_folder, shown
from tfvae.data.splits import Known, Say, Source, Split
from tfvae.errors import UserError

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif")


@dataclass(frozen=True, eq=False)
class ImageFiles:
    """Images that stay on disk until a batch needs them.

    Attributes:
      paths: the files, in a fixed order.
      size: height and width after resize and crop.
      channels: 1 for grey, 3 for colour, 4 for colour and alpha.
      special: the files that Pillow decodes; TensorFlow decodes the others.
      bits: of a value, 8 or 16.
      folder: from which files have their names; "": their paths are their names.
    """

    paths: tuple[str, ...]
    size: tuple[int, int]
    channels: int
    special: frozenset[str] = frozenset()
    bits: int = 8
    folder: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """Height, width, channels."""
        return (*self.size, self.channels)

    @property
    def dtype(self) -> np.dtype:
        """The dtype of decoded images: uint8 or uint16."""
        return np.dtype(np.uint16 if self.bits == 16 else np.uint8)

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, indices: np.ndarray) -> ImageFiles:
        """The files at the indices, in their order."""
        return dataclasses.replace(self, paths=tuple(self.paths[i] for i in indices))

    def read(self, indices: np.ndarray) -> tf.Tensor:
        """The images at the indices, decoded: `[batch, height, width, channels]`.

        Raises:
          UserError: an image cannot be decoded (names it).
        """
        paths = [self.paths[i] for i in indices]
        special = np.array([path in self.special for path in paths], bool)
        if not special.any():
            return self._by_tensorflow(paths)
        images = np.empty([len(paths), *self.shape], self.dtype)
        if not special.all():
            images[~special] = self._by_tensorflow([path for path in paths if path not in self.special]).numpy()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            images[special] = list(pool.map(self._by_pillow, (path for path in paths if path in self.special)))
        return tf.constant(images)

    def content(self, index: int) -> bytes:
        """The image as a file that TensorFlow decodes: its own bytes, or what Pillow read of it as a PNG."""
        path = self.paths[index]
        if path not in self.special:
            return Path(path).read_bytes()
        encoded: bytes = tf.io.encode_png(pillow.pixels(path, self.channels, self.bits)).numpy()
        return encoded

    def to_fit(self, kind: str) -> np.ndarray:
        """See `decoding.to_fit`."""
        return decoding.to_fit(kind, self.dtype)

    def _by_tensorflow(self, paths: list[str]) -> tf.Tensor:
        names = [os.fsencode(path) for path in paths]  # TensorFlow takes text for UTF-8, which names need not be
        try:
            return decoding.decode_files(tf.constant(names), self.size, self.channels, self.bits)
        except tf.errors.OpError as error:
            named = ((shown(name), functools.partial(tf.io.read_file, name)) for name in dict.fromkeys(names))
            raise decoding.explain(named, self.size, self.channels, self.bits, error) from error

    def _by_pillow(self, path: str) -> np.ndarray:
        image = pillow.pixels(path, self.channels, self.bits)
        try:
            fitted: np.ndarray = decoding.fit_one(tf.constant(image), self.size, self.channels).numpy()
        except tf.errors.OpError as error:
            raise pillow.BadImageError(shown(path), pillow.undecodable(decoding.reason(error))) from error
        return fitted

    def digests(self, known: Known, say: Say) -> tuple[np.ndarray, Known]:
        """See `OnDisk`: of the content of each file."""
        names = [os.path.relpath(path, self.folder) if self.folder else path for path in self.paths]
        return content.of_files(self.paths, names, known, say)


def from_settings(settings: Images, seed: int) -> Source:
    """See `read`."""
    folder = existing_folder(settings.path, "data.path", "with images")
    checks = {"check": settings.check, "on_bad": settings.on_bad}
    return read(folder, settings.image_size, settings.channels, settings.split, group=settings.group, **checks)


def read(
    folder: Path,
    size: tuple[int, int],
    channels: int,
    split: str | None = None,
    *,
    group: str | None = None,
    check: str = "headers",
    on_bad: str = "stop",
) -> Source:
    """Lists a folder, sorted by path; `layout.of` says which sub-folders are classes and which are splits.

    Hidden files and files with other extensions are skipped. Links are followed. All files are checked now; each image
    is decoded when a batch needs it.

    Args:
      folder: contains images, or one sub-folder of images per class.
      size: height and width of the examples.
      channels: 1 for grey, 3 for colour, 4 for colour and alpha.
      split: a file that names the split of each image, or None.
      group: a file that names the group of each image, all of which stay in one of the splits that are drawn; or None.
      check: "headers", "decode", or "auto", see `checking.check`.
      on_bad: "stop" at files that cannot be used, or "skip" them.

    Raises:
      UserError: there are no images, files cannot be used, or images lie both in the folder and in sub-folders.
    """
    decoding.check_channels(channels)
    found = folders.find(folder, ENDINGS)
    if not found.paths:
        raise UserError(f"{shown(folder)}: contains no images; expected files that end in {', '.join(ENDINGS)}.")
    bad, headers = checking.headers(found.paths)
    bits = max((header.bits for header in headers.values()), default=8)
    special = frozenset(path for path, header in headers.items() if not header.plain(channels, bits))
    files = ImageFiles(tuple(headers), size, channels, special, bits, str(folder))
    if checking.decodes(check, headers):
        bad |= checking.contents(files)
    bad_note = checking.judge(folder, bad, len(found.paths), on_bad)
    paths = [path for path in files.paths if path not in bad]
    others = found.others
    layout = layout_of(folder, paths, split, bad)
    notes = (f"{shown(folder)}: skipped {others} files that do not end in {', '.join(ENDINGS)}.",) if others else ()
    files = dataclasses.replace(files, paths=tuple(paths))
    groups = None if group is None else layout_groups(folder, paths, group, bad)[layout.splits["train"]]
    return Source(
        **own.divided(Split(files, layout.labels), dict(layout.splits)),
        auto="unit",
        unit_maximum=float(np.iinfo(files.dtype).max),
        label_names=layout.label_names,
        notes=(*notes, *bad_note, *layout.notes, *checking.conversions([headers[path] for path in paths], channels)),
        origin=layout.origin,
        groups=groups,
    )
