"""A folder of PNG and JPEG images, listed here and decoded batch by batch in the pipeline."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfvae.data.splits import ImageFiles, Source, Split
from tfvae.errors import UserError

ENDINGS = (".png", ".jpg", ".jpeg")
MAX_ASPECT = 50.0
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"


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
    if channels not in (1, 3):
        raise UserError(f"data.channels: got {channels}, want 1 for grey or 3 for colour.")
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
    files = ImageFiles(tuple(paths), labels, size, channels)
    return Source(Split(files, labels), auto="unit", label_names=names, notes=notes)


def decode(path: tf.Tensor, size: tuple[int, int], channels: int) -> tf.Tensor:
    """One image, its shorter side resized with antialiasing and its centre cropped.

    The orientation that a camera notes beside the pixels is not applied.

    Args:
      path: scalar string.
      size: height and width of the result.
      channels: 1 for grey, 3 for colour.

    Returns:
      uint8 `[height, width, channels]`.
    """
    height, width = size
    image = tf.io.decode_image(tf.io.read_file(path), channels, expand_animations=False)
    came = tf.cast(tf.shape(image)[:2], tf.float64)
    # A thread of a picture would become gigabytes before it is cropped.
    aspect = tf.reduce_max(came) / tf.reduce_min(came)
    tf.debugging.assert_less_equal(aspect, tf.constant(MAX_ASPECT, tf.float64), "one side over 50 times the other")
    scale = tf.reduce_max(tf.constant([height, width], tf.float64) / came)
    resized = tf.maximum(tf.cast(tf.round(came * scale), tf.int32), [height, width])
    image = tf.image.resize(image, resized, antialias=True)
    begin = (resized - [height, width]) // 2
    image = tf.slice(image, tf.concat([begin, [0]], 0), [height, width, channels])
    return tf.cast(tf.clip_by_value(tf.round(image), 0.0, 255.0), tf.uint8)


def explain(files: ImageFiles, indices: np.ndarray, error: Exception) -> UserError:
    """The sentence that names the image for which decoding these examples failed."""
    for i in dict.fromkeys(int(index) for index in indices.flat):
        try:
            decode(tf.constant(files.paths[i]), files.size, files.channels)
        except tf.errors.OpError as cause:
            reason = re.sub(
                r"\{\{.*?\}\}|\[Op:.*|Condition x <= y.*", "", " ".join((cause.message or "").split())
            ).strip()
            return UserError(f"{files.paths[i]}: the image cannot be decoded ({reason[:160]}); replace or remove it.")
    return UserError(f"images: a batch could not be read ({' '.join(str(error).split())[:200]}).")


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
