"""From a split to batches in the graph: the order of examples, binarisation, and the two ways to feed a step.

Nothing here has state: whoever knows (seed, epoch, step) can say which examples come, and in which binary form.
"""

from __future__ import annotations

import collections
import itertools
import math
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from tfvae import noise
from tfvae.data.condition import Condition
from tfvae.data.scaling import Scaling
from tfvae.data.splits import Split
from tfvae.errors import UserError

# A batch is decoded by all of TensorFlow's threads; the second reader fills the gap between two batches.
_READERS = 2
_LEAST_READY = 4


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

    def calls(self, indices: Iterable[np.ndarray], steps: Callable[[], int]) -> Generator[Any, None, None]:
        """Yields nests of tensors with leading axis K = `steps()`; the last may be shorter.

        Args:
          indices: int64 `[batch]` into the split for each step: an array `[steps, batch]`, or an iterator, which is
            asked ahead of the steps.
          steps: asked before each call, and once at the end, for the number of its steps, which may change.
        """

    def fetch(self, element: Any) -> tuple[tf.Tensor, tf.Tensor | None]:
        """One step's `x_raw [batch, …]`, and `y [batch, C]` or None, from its slice of what `calls` yielded."""


class InMemory:
    """The whole split on the device as it came (a byte a pixel where that was uint8); a call gets indices alone."""

    def __init__(self, split: Split, condition: Condition | None = None) -> None:
        assert isinstance(split.x, np.ndarray)
        self._shape, self._dtype = split.x.shape[1:], split.x.dtype
        # TensorFlow gathers floats and int64 on a GPU, but not uint8, and keeps int32 on the host: without the packing,
        # each step would bring the whole split to the host. Constants, not variables: it belongs in no checkpoint.
        self._packed = self._dtype.kind in "iu"
        self._x = tf.constant(_pack(split.x) if self._packed else split.x)
        self._condition = condition
        rows = _conditioned_on(split, condition)
        self._y = None if rows is None else tf.constant(rows)

    def calls(self, indices: Iterable[np.ndarray], steps: Callable[[], int]) -> Generator[tf.Tensor, None, None]:
        """Yields int64 `[K, batch]`."""
        rows = iter(indices)
        while taken := list(itertools.islice(rows, steps())):
            yield tf.constant(np.stack(taken), tf.int64)

    def fetch(self, element: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Gathers the examples at indices `[batch]`."""
        x = tf.gather(self._x, element)
        if self._packed:
            x = _unpack(x, self._shape, self._dtype)
        return x, None if self._y is None else _encoded(tf.gather(self._y, element), self._condition)


class Streamed:
    """Examples read and decoded by threads in the order asked for, and ready before the call that needs them."""

    def __init__(self, split: Split, condition: Condition | None = None) -> None:
        assert not isinstance(split.x, np.ndarray)
        self._x, self._y, self._condition = split.x, _conditioned_on(split, condition), condition

    def calls(
        self, indices: Iterable[np.ndarray], steps: Callable[[], int]
    ) -> Generator[tuple[tf.Tensor, ...], None, None]:
        """Yields examples `[K, batch, …]`, and labels `[K, batch]` or attributes `[K, batch, A]` of a condition.

        While a call runs, as many batches are made ready as it took, or the call before it: the last call of an epoch
        may be a short one. More are not held.

        Raises:
          UserError: names the file that cannot be read.
        """
        rows, ready = iter(indices), collections.deque[Future[tuple[tf.Tensor, ...]]]()
        pool = ThreadPoolExecutor(_READERS, "tfvae-read")

        def fill(count: int) -> None:
            for row in itertools.islice(rows, max(count - len(ready), 0)):
                ready.append(pool.submit(self._batch, row))

        try:
            before = 0
            while True:
                count = steps()
                fill(count + max(count, before, _LEAST_READY))
                if not ready:
                    return
                before = count
                # Nothing here holds a batch while the call runs: there is room for two calls' batches, not for three.
                yield _stacked([ready.popleft() for _ in range(min(count, len(ready)))])
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def fetch(self, element: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, tf.Tensor | None]:
        """What the stream read."""
        return element[0], _encoded(element[1], self._condition) if len(element) > 1 else None

    def _batch(self, row: np.ndarray) -> tuple[tf.Tensor, ...]:
        with tf.device("CPU:0"):
            x = self._x.read(row)
            return (x,) if self._y is None else (x, tf.constant(self._y[row]))


def feed(split: Split, condition: Condition | None = None) -> Feed:
    """In memory for arrays, streamed for what is on disk.

    Args:
      split: the examples.
      condition: what y `[batch, C]` is made of: of labels one-hot rows, of attributes the rows themselves; None: there
        is no y, and neither labels nor attributes are read.

    Raises:
      UserError: the split has no labels, or no attributes.
    """
    return InMemory(split, condition) if isinstance(split.x, np.ndarray) else Streamed(split, condition)


def first(split: Split, count: int) -> np.ndarray:
    """The first examples of a split, `[count, …]` or fewer, in the user's units; what is on disk is read.

    Raises:
      UserError: names the file that cannot be read.
    """
    if isinstance(split.x, np.ndarray):
        return split.x[:count]
    examples: np.ndarray = split.x.read(np.arange(min(count, len(split)))).numpy()
    return examples


def _conditioned_on(split: Split, condition: Condition | None) -> np.ndarray | None:
    if condition is None:
        return None
    rows = split.y if condition.kind == "label" else split.attributes
    if rows is None:
        what = "label" if condition.kind == "label" else "attributes"
        raise UserError(f"y: the model is conditioned on {what}, but these examples come without; give y for each.")
    return rows


def _encoded(rows: tf.Tensor, condition: Condition | None) -> tf.Tensor:
    # -1, an unlabelled example, becomes a row of zeros.
    return tf.one_hot(rows, condition.size) if condition is not None and condition.kind == "label" else rows


def _stacked(batches: list[Future[tuple[tf.Tensor, ...]]]) -> tuple[tf.Tensor, ...]:
    with tf.device("CPU:0"):
        return tuple(tf.stack(parts) for parts in zip(*(batch.result() for batch in batches), strict=True))


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
