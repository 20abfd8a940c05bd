"""Decodes PNG and JPEG images in parallel into batches of one size."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import numpy as np
import tensorflow as tf

from tfvae.errors import UserError

MAX_ASPECT = 50.0


def check_channels(channels: int) -> None:
    """Checks that the channels are 1 or 3.

    Raises:
      UserError: another number.
    """
    if channels not in (1, 3):
        raise UserError(f"data.channels: got {channels}, expected 1 for grey or 3 for colour.")


def to_fit(kind: str) -> np.ndarray:
    """The values that `scaling.fit` needs for images: decoded images are uint8, so none has to be read.

    Raises:
      UserError: the scaling needs statistics of the images.
    """
    if kind not in ("unit", "none"):
        raise UserError(f"data.scaling: got {kind} for streamed images, expected auto, unit or none.")
    return np.array([[0], [255]], np.uint8)


def decode(content: tf.Tensor, size: tuple[int, int], channels: int) -> tf.Tensor:
    """Decodes one image, resizes it with antialiasing to cover the size, and crops the centre.

    EXIF orientation is not applied.

    Args:
      content: scalar string, a PNG or JPEG file.
      size: height and width of the result.
      channels: 1 for grey, 3 for colour.

    Returns:
      uint8 `[height, width, channels]`.
    """
    height, width = size
    image = tf.io.decode_image(content, channels, expand_animations=False)
    original = tf.shape(image)[:2]
    sides = tf.cast(original, tf.float64)
    # A very long, thin image would take gigabytes when resized, before it is cropped.
    aspect = tf.reduce_max(sides) / tf.reduce_min(sides)
    tf.debugging.assert_less_equal(aspect, tf.constant(MAX_ASPECT, tf.float64), "one side over 50 times the other")
    scale = tf.reduce_max(tf.constant([height, width], tf.float64) / sides)
    resized = tf.maximum(tf.cast(tf.round(sides * scale), tf.int32), [height, width])
    # Resizing by a factor of 1 changes no value, but costs as much as decoding a small image.
    image = tf.cond(tf.reduce_all(resized == original), lambda: image, lambda: _resized(image, resized))
    begin = (resized - [height, width]) // 2
    return tf.ensure_shape(
        tf.slice(image, tf.concat([begin, [0]], 0), [height, width, channels]), [height, width, channels]
    )


@tf.function(reduce_retracing=True)
def decode_all(contents: tf.Tensor, size: tuple[int, int], channels: int) -> tf.Tensor:
    """`decode` for each of `[batch]` strings, in parallel."""
    return _map(lambda content: decode(content, size, channels), contents, size, channels)


@tf.function(reduce_retracing=True)
def decode_files(paths: tf.Tensor, size: tuple[int, int], channels: int) -> tf.Tensor:
    """`decode` for the content of each of `[batch]` files, in parallel."""
    return _map(lambda path: decode(tf.io.read_file(path), size, channels), paths, size, channels)


def explain(
    images: Iterable[tuple[str, Callable[[], tf.Tensor]]],
    size: tuple[int, int],
    channels: int,
    error: tf.errors.OpError,
) -> UserError:
    """The error that names the image on which decoding a batch failed.

    Args:
      images: for each image of the batch, its name and a function that returns its content.
      size: requested height and width.
      channels: requested channels.
      error: raised by the batch.
    """
    for name, content in images:
        try:
            decode(content(), size, channels)
        except tf.errors.OpError as cause:
            return UserError(f"{name}: the image cannot be decoded ({_reason(cause)}); replace or remove it.")
    return UserError(f"images: a batch could not be read ({_reason(error)}).")


def _reason(error: tf.errors.OpError) -> str:
    """TensorFlow's message for a failed op, on one line and without the names of ops."""
    message = " ".join((error.message or "").split())
    return re.sub(r"\{\{.*?\}\}|\[Op:.*|Condition x <= y.*", "", message).strip()[:160]


def _map(
    function: Callable[[tf.Tensor], tf.Tensor], strings: tf.Tensor, size: tuple[int, int], channels: int
) -> tf.Tensor:
    signature = tf.TensorSpec([*size, channels], tf.uint8)
    return tf.map_fn(function, strings, fn_output_signature=signature, parallel_iterations=32)


def _resized(image: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    image = tf.image.resize(image, size, antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(image), 0.0, 255.0), tf.uint8)
