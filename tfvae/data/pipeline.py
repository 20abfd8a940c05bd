"""From a split to batches in the graph: the order of examples, binarisation, and the two ways to feed a step.

Nothing here has state: whoever knows (seed, epoch, step) can say which examples come, and in which binary form.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from tfvae.data import images
from tfvae.data.scaling import Scaling
from tfvae.data.splits import ImageFiles, Split
from tfvae.latent import noise

# The last epoch with an address, so that a split never follows the order of an epoch.
SPLIT_EPOCH = 2**40 - 1


def order(seed: int, epoch: int, n: int) -> np.ndarray:
    """The order of the examples in an epoch: indices sorted by the words of purpose 4, ties by index.

    Args:
      seed: the run's seed.
      epoch: counted from 0.
      n: number of examples.

    Returns:
      int64 `[n]`, a permutation.

    Example:
      >>> sorted(order(seed=0, epoch=3, n=4).tolist())
      [0, 1, 2, 3]
    """
    words = noise.words(noise.Address(seed, noise.ORDER, epoch), [n])[0].numpy()
    return np.argsort(words, kind="stable").astype(np.int64)


def evaluation_indices(n: int, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """All examples in their own order, the last batch padded with example 0.

    Returns:
      Indices int64 `[batches, batch]`, and weights float32 of the same shape: 1 for an example, 0 for padding.
    """
    batches = -(-n // batch_size)
    indices = np.arange(batches * batch_size, dtype=np.int64)
    weight = (indices < n).astype(np.float32)
    return (
        np.where(indices < n, indices, 0).reshape(batches, batch_size),
        weight.reshape(batches, batch_size),
    )


def model_units(
    x_raw: tf.Tensor, scaling: Scaling, binarize: str, address: noise.Address, dtype: str | tf.DType = "float32"
) -> tf.Tensor:
    """Scales a batch and makes it binary where asked, inside the graph.

    "threshold" gives 1 where x > 0.5. "dynamic" gives 1 with probability x: where the uniform at the address is below
    x. The uniform is float32 whatever the dtype, so that a float64 run checks a float32 one.

    Args:
      x_raw: `[batch, …]` in the user's units.
      scaling: of the data set.
      binarize: "none", "threshold" or "dynamic".
      address: purpose 3 with the global step and the batch's first example; used by "dynamic" alone.
      dtype: of the result; float32 or float64.

    Returns:
      `[batch, …]` in model units.
    """
    x = scaling.forward(x_raw, dtype)
    if binarize == "threshold":
        return tf.cast(x > 0.5, x.dtype)
    if binarize == "dynamic":
        shape = x.shape if x.shape.is_fully_defined() else tf.shape(x)
        return tf.cast(tf.cast(noise.uniform(address, shape)[0], x.dtype) < x, x.dtype)
    return x


class Feed(Protocol):
    """How a split reaches the compiled step.

    `calls` runs outside the graph and yields what one compiled call needs; `fetch` runs inside it, on one step's part.
    """

    def calls(self, indices: np.ndarray, steps_per_call: int) -> Iterator[Any]:
        """Yields nests of tensors with leading axis K = `steps_per_call`; the last may be shorter.

        Args:
          indices: int64 `[steps, batch]` into the split.
          steps_per_call: steps in one compiled call.
        """

    def fetch(self, element: Any) -> tuple[tf.Tensor, tf.Tensor | None]:
        """One step's `x_raw [batch, …]` and `y [batch]` or None, from its slice of what `calls` yielded."""


class InMemory:
    """The whole split on the device as it came (a byte a pixel where that was uint8); a call gets indices alone."""

    def __init__(self, split: Split) -> None:
        assert isinstance(split.x, np.ndarray)
        self._shape, self._dtype = split.x.shape[1:], split.x.dtype
        # TensorFlow gathers floats and int64 on a GPU, but not uint8, and keeps int32 on the host: without the packing,
        # each step would bring the whole split to the host. Constants, not variables: it belongs in no checkpoint.
        self._packed = self._dtype.kind in "iu"
        self._x = tf.constant(_pack(split.x) if self._packed else split.x)
        self._y = None if split.y is None else tf.constant(split.y)

    def calls(self, indices: np.ndarray, steps_per_call: int) -> Iterator[tf.Tensor]:
        """Yields int64 `[K, batch]`."""
        for begin in range(0, len(indices), steps_per_call):
            yield tf.constant(indices[begin : begin + steps_per_call], tf.int64)

    def fetch(self, element: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Gathers the examples at indices `[batch]`."""
        x = tf.gather(self._x, element)
        if self._packed:
            x = _unpack(x, self._shape, self._dtype)
        return x, None if self._y is None else tf.gather(self._y, element)


class Streamed:
    """Images decoded in parallel in the order asked for, and ready before the call that needs them."""

    def __init__(self, split: Split) -> None:
        assert isinstance(split.x, ImageFiles)
        self._files = split.x
        with tf.device("CPU:0"):
            self._paths = tf.constant(split.x.paths)
            self._y = None if split.y is None else tf.constant(split.y)

    def calls(self, indices: np.ndarray, steps_per_call: int) -> Iterator[tuple[tf.Tensor, ...]]:
        """Yields uint8 images `[K, batch, height, width, channels]`, and labels `[K, batch]` where there are any.

        Raises:
          UserError: names the image that cannot be decoded.
        """
        examples = tf.data.Dataset.from_tensor_slices(np.asarray(indices, np.int64).reshape(-1))
        examples = examples.map(self._example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        steps = examples.batch(indices.shape[1], drop_remainder=True)
        iterator = iter(steps.batch(steps_per_call).prefetch(1))
        for begin in range(0, len(indices), steps_per_call):
            try:
                element = next(iterator)
            except tf.errors.OpError as error:
                raise images.explain(self._files, indices[begin : begin + steps_per_call], error) from error
            yield element

    def fetch(self, element: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, tf.Tensor | None]:
        """What the stream decoded, as it is."""
        return element[0], element[1] if len(element) > 1 else None

    def _example(self, index: tf.Tensor) -> tuple[tf.Tensor, ...]:
        image = images.decode(tf.gather(self._paths, index), self._files.size, self._files.channels)
        return (image,) if self._y is None else (image, tf.gather(self._y, index))


def feed(split: Split) -> Feed:
    """In memory for arrays, streamed for image files."""
    return Streamed(split) if isinstance(split.x, ImageFiles) else InMemory(split)


def first(split: Split, count: int) -> np.ndarray:
    """The first examples of a split, `[count, …]` or fewer, in the user's units; image files are decoded.

    Raises:
      UserError: names the image that cannot be decoded.
    """
    if not isinstance(split.x, ImageFiles):
        return split.x[:count]
    indices = np.arange(min(count, len(split)), dtype=np.int64)
    (images_of_one_step, *_) = next(Streamed(split).calls(indices[None], 1))
    return images_of_one_step[0].numpy()


def _pack(x: np.ndarray) -> np.ndarray:
    """The bytes of each example as int64 `[n, words]`, filled up with zeros."""
    raw = np.ascontiguousarray(x).view(np.uint8).reshape(len(x), math.prod(x.shape[1:]) * x.itemsize)
    return np.pad(raw, [(0, 0), (0, -raw.shape[1] % 8)]).view(np.int64)


def _unpack(words: tf.Tensor, shape: tuple[int, ...], dtype: np.dtype) -> tf.Tensor:
    raw = tf.reshape(tf.bitcast(words, tf.uint8), [-1, words.shape[1] * 8])
    raw = raw[:, : math.prod(shape) * dtype.itemsize]
    if dtype.itemsize == 1:
        return tf.bitcast(tf.reshape(raw, [-1, *shape]), dtype)
    return tf.bitcast(tf.reshape(raw, [-1, *shape, dtype.itemsize]), dtype)
