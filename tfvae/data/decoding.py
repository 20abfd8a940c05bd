"""Decodes PNG and JPEG images in parallel into batches of one size, with TensorFlow's own decoders."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import numpy as np
import tensorflow as tf

from tfvae.data.pillow import MAX_ASPECT, BadImageError, undecodable
from tfvae.errors import UserError


def check_channels(channels: int) -> None:
    """Checks that the channels are 1, 3 or 4.

    Raises:
      UserError: another number.
    """
    if channels not in (1, 3, 4):
        raise UserError(f"data.channels: got {channels}, expected 1 for grey, 3 for colour, or 4 for colour and alpha.")


def to_fit(kind: str, dtype: np.dtype) -> np.ndarray:
    """The values that `scaling.fit` needs for images: those that the dtype allows, so no image has to be read.

    Raises:
      UserError: the scaling needs statistics of the images.
    """
    if kind not in ("unit", "none"):
        raise UserError(f"data.scaling: got {kind} for streamed images, expected auto, unit or none.")
    return np.array([[0], [np.iinfo(dtype).max]], dtype)


def decode(content: tf.Tensor, size: tuple[int, int], channels: int, bits: int = 8) -> tf.Tensor:
    """Decodes one image and makes it `fitted`.

    EXIF orientation is not applied, and transparency is dropped: see `pillow.Header.plain`.

    Args:
      content: scalar string, a PNG or JPEG file.
      size: height and width of the result.
      channels: 1 for grey, 3 for colour, 4 for colour and alpha (PNG only).
      bits: 8, or 16 for a PNG with 16 bits.

    Returns:
      uint8 or uint16 `[height, width, channels]`.
    """
    if bits == 16:
        return fitted(tf.io.decode_png(content, channels, tf.uint16), size, channels)
    return fitted(tf.io.decode_image(content, channels, expand_animations=False), size, channels)


def fitted(image: tf.Tensor, size: tuple[int, int], channels: int) -> tf.Tensor:
    """Resizes one image with antialiasing to cover the size, and crops the centre.

    Args:
      image: uint8 or uint16 `[height, width, channels]`.
      size: height and width of the result.
      channels: of the image.
    """
    height, width = size
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
def decode_all(contents: tf.Tensor, size: tuple[int, int], channels: int, bits: int = 8) -> tf.Tensor:
    """`decode` for each of `[batch]` strings, in parallel."""
    return _map(lambda content: decode(content, size, channels, bits), contents, size, channels, bits)


@tf.function(reduce_retracing=True)
def decode_files(paths: tf.Tensor, size: tuple[int, int], channels: int, bits: int = 8) -> tf.Tensor:
    """`decode` for the content of each of `[batch]` files, in parallel."""
    return _map(lambda path: decode(tf.io.read_file(path), size, channels, bits), paths, size, channels, bits)


@tf.function(reduce_retracing=True)
def fit_one(image: tf.Tensor, size: tuple[int, int], channels: int) -> tf.Tensor:
    """`fitted`, compiled once for images of all sizes."""
    return fitted(tf.ensure_shape(image, [None, None, channels]), size, channels)


def explain(
    images: Iterable[tuple[str, Callable[[], tf.Tensor]]],
    size: tuple[int, int],
    channels: int,
    bits: int,
    error: tf.errors.OpError,
) -> UserError:
    """The error that names the image on which decoding a batch failed.

    Args:
      images: for each image of the batch, its name and a function that returns its content.
      size: requested height and width.
      channels: requested channels.
      bits: 8 or 16.
      error: raised by the batch.
    """
    for name, content in images:
        try:
            decode(content(), size, channels, bits)
        except tf.errors.OpError as cause:
            return BadImageError(name, undecodable(reason(cause)))
    return UserError(f"images: a batch could not be read ({reason(error)}).")


def reason(error: tf.errors.OpError) -> str:
    """TensorFlow's message for a failed op, on one line and without the names of ops."""
    message = " ".join((error.message or "").split())
    return re.sub(r"\{\{.*?\}\}|\[Op:.*|Condition x <= y.*", "", message).strip()[:160]


def _map(
    function: Callable[[tf.Tensor], tf.Tensor], strings: tf.Tensor, size: tuple[int, int], channels: int, bits: int
) -> tf.Tensor:
    signature = tf.TensorSpec([*size, channels], tf.uint16 if bits == 16 else tf.uint8)
    return tf.map_fn(function, strings, fn_output_signature=signature, parallel_iterations=32)


def _resized(image: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    resized = tf.image.resize(image, size, antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0.0, float(image.dtype.max)), image.dtype)
