"""From the bytes of PNG and JPEG images to batches of one size, several at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import numpy as np
import tensorflow as tf

from tfvae.errors import UserError

MAX_ASPECT = 50.0


def check_channels(channels: int) -> None:
    """Images are grey or colour.

    Raises:
      UserError: neither.
    """
    if channels not in (1, 3):
        raise UserError(f"data.channels: got {channels}, want 1 for grey or 3 for colour.")


def to_fit(kind: str) -> np.ndarray:
    """What `scaling.fit` has to see of images: decoded, they are uint8 by construction, so nothing is read.

    Raises:
      UserError: a scaling that wants more.
    """
    if kind not in ("unit", "none"):
        raise UserError(f"data.scaling: got {kind} for streamed images, want auto, unit or none.")
    return np.array([[0], [255]], np.uint8)


def decode(content: tf.Tensor, size: tuple[int, int], channels: int) -> tf.Tensor:
    """One image, its shorter side resized with antialiasing and its centre cropped.

    The orientation that a camera notes beside the pixels is not applied.

    Args:
      content: scalar string, a PNG or JPEG file.
      size: height and width of the result.
      channels: 1 for grey, 3 for colour.

    Returns:
      uint8 `[height, width, channels]`.
    """
    height, width = size
    image = tf.io.decode_image(content, channels, expand_animations=False)
    came = tf.shape(image)[:2]
    sides = tf.cast(came, tf.float64)
    # A thread of a picture would become gigabytes before it is cropped.
    aspect = tf.reduce_max(sides) / tf.reduce_min(sides)
    tf.debugging.assert_less_equal(aspect, tf.constant(MAX_ASPECT, tf.float64), "one side over 50 times the other")
    scale = tf.reduce_max(tf.constant([height, width], tf.float64) / sides)
    resized = tf.maximum(tf.cast(tf.round(sides * scale), tf.int32), [height, width])
    # To resize by 1 changes no value, but costs as much as to decode a small image.
    image = tf.cond(tf.reduce_all(resized == came), lambda: image, lambda: _resized(image, resized))
    begin = (resized - [height, width]) // 2
    return tf.ensure_shape(
        tf.slice(image, tf.concat([begin, [0]], 0), [height, width, channels]), [height, width, channels]
    )


@tf.function(reduce_retracing=True)
def decode_all(contents: tf.Tensor, size: tuple[int, int], channels: int) -> tf.Tensor:
    """`decode` of each of `[batch]` strings, several at a time."""
    return _each(lambda content: decode(content, size, channels), contents, size, channels)


@tf.function(reduce_retracing=True)
def decode_files(paths: tf.Tensor, size: tuple[int, int], channels: int) -> tf.Tensor:
    """`decode` of the content of each of `[batch]` files, several at a time."""
    return _each(lambda path: decode(tf.io.read_file(path), size, channels), paths, size, channels)


def explain(
    images: Iterable[tuple[str, Callable[[], tf.Tensor]]],
    size: tuple[int, int],
    channels: int,
    error: tf.errors.OpError,
) -> UserError:
    """The sentence that names the image for which decoding a batch failed.

    Args:
      images: name and a function that gives the content of each image of the batch.
      size: height and width that were wanted.
      channels: that were wanted.
      error: what came of the batch.
    """
    for name, content in images:
        try:
            decode(content(), size, channels)
        except tf.errors.OpError as cause:
            return UserError(f"{name}: the image cannot be decoded ({_reason(cause)}); replace or remove it.")
    return UserError(f"images: a batch could not be read ({_reason(error)}).")


def _reason(error: tf.errors.OpError) -> str:
    """What TensorFlow says of a failed op, in one line and without the names of ops."""
    message = " ".join((error.message or "").split())
    return re.sub(r"\{\{.*?\}\}|\[Op:.*|Condition x <= y.*", "", message).strip()[:160]


def _each(
    function: Callable[[tf.Tensor], tf.Tensor], strings: tf.Tensor, size: tuple[int, int], channels: int
) -> tf.Tensor:
    signature = tf.TensorSpec([*size, channels], tf.uint8)
    return tf.map_fn(function, strings, fn_output_signature=signature, parallel_iterations=32)


def _resized(image: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    image = tf.image.resize(image, size, antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(image), 0.0, 255.0), tf.uint8)
