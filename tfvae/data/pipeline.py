"""The input pipeline: the order of examples, scaling and binarisation in the graph, and the two ways to feed a step.

Nothing here has state: (seed, epoch, step) determines which examples a step gets, and their binary form.
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
from tfvae.data.given import Given, GivenFeed
from tfvae.data.scaling import Scaling
from tfvae.data.splits import Split
from tfvae.errors import UserError

# All of TensorFlow's threads decode one batch; the second reader fills the gap between two batches.
_READERS = 2
_MIN_PREFETCHED = 4


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
    """Scales a batch, and binarises it if asked to, inside the graph.

    "threshold" gives 1 where x > 0.5. "dynamic" gives 1 with probability x: where the uniform at the address is below
    x. The uniform is float32 for every dtype, so that a float64 run checks a float32 run.

    Args:
      x_raw: `[batch, …]` in the user's units.
      scaling: of the data set.
      binarize: "none", "threshold" or "dynamic".
      address: purpose 3 with the global step and the batch's first example; only "dynamic" uses it.
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

    `calls` runs outside the graph and yields the input of one compiled call; `fetch` runs inside it, on one step's
    slice.
    """

    def calls(self, indices: Iterable[np.ndarray], steps: Callable[[], int]) -> Generator[Any, None, None]:
        """Yields nests of tensors with leading axis K = `steps()`; the last may be shorter.

        Args:
          indices: int64 `[batch]` into the split for each step: an array `[steps, batch]`, or an iterator, which is
            read ahead of the steps.
          steps: returns the number of steps of the next call, which may change; called before each call and once at
            the end.
        """

    def fetch(self, element: Any) -> tuple[tf.Tensor, tf.Tensor | None]:
        """One step's `x_raw [batch, …]`, and `y [batch, C]` or None, from its slice of what `calls` yielded."""

    def replace(self, split: Split) -> None:
        """Feeds other examples, of the same shape and type, through what was compiled for these."""

    def release(self) -> None:
        """Frees the memory of the examples, until `replace` gives others."""


class InMemory:
    """The whole split on the device in its own dtype (uint8: one byte per pixel); a call gets only indices."""

    def __init__(self, split: Split, condition: Condition | None = None) -> None:
        assert isinstance(split.x, np.ndarray)
        self._shape, self._dtype = split.x.shape[1:], split.x.dtype
        # TensorFlow gathers floats and int64 on a GPU, but not uint8, and keeps int32 on the host: without packing,
        # each step would copy the whole split to the host.
        self._packed = self._dtype.kind in "iu"
        self._condition = condition
        # Variables of any length, so that other examples do not need other compiled functions. No checkpoint tracks
        # them.
        x, y = self._arrays(split)
        self._x, self._y = _variable(x), None if y is None else _variable(y)

    def replace(self, split: Split) -> None:
        """Feeds other examples, of the same shape and dtype."""
        x, y = self._arrays(split)
        self._x.assign(x)
        if self._y is not None:
            self._y.assign(y)

    def release(self) -> None:
        """Frees the memory of the examples, until `replace` gives others."""
        for variable in (self._x, self._y):
            if variable is not None:
                variable.assign(tf.zeros([0, *variable.shape[1:]], variable.dtype))

    def _arrays(self, split: Split) -> tuple[np.ndarray, np.ndarray | None]:
        assert isinstance(split.x, np.ndarray)
        return _pack(split.x) if self._packed else split.x, _conditioned_on(split, self._condition)

    def calls(self, indices: Iterable[np.ndarray], steps: Callable[[], int]) -> Generator[tf.Tensor, None, None]:
        """Yields int64 `[K, batch]`."""
        rows = iter(indices)
        while batches := list(itertools.islice(rows, steps())):
            yield tf.constant(np.stack(batches), tf.int64)

    def fetch(self, element: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Gathers the examples at indices `[batch]`."""
        x = tf.gather(self._x, element)
        if self._packed:
            x = _unpack(x, self._shape, self._dtype)
        return x, None if self._y is None else _encoded(tf.gather(self._y, element), self._condition)


class Streamed:
    """Examples read and decoded by threads in the requested order, prefetched before the call that needs them."""

    def __init__(self, split: Split, condition: Condition | None = None) -> None:
        assert not isinstance(split.x, np.ndarray)
        self._x, self._y, self._condition = split.x, _conditioned_on(split, condition), condition

    def replace(self, split: Split) -> None:
        """Feeds other examples."""
        assert not isinstance(split.x, np.ndarray)
        self._x, self._y = split.x, _conditioned_on(split, self._condition)

    def release(self) -> None:
        """Does nothing: a stream holds no examples between two calls."""

    def calls(
        self, indices: Iterable[np.ndarray], steps: Callable[[], int]
    ) -> Generator[tuple[tf.Tensor, ...], None, None]:
        """Yields examples `[K, batch, …]`, and labels `[K, batch]` or attributes `[K, batch, A]` of a condition.

        While a call runs, as many batches are prefetched as it or the call before it took, whichever is more, since
        the last call of an epoch may be short. No more are held.

        Raises:
          UserError: a file cannot be read (names it).
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
                fill(count + max(count, before, _MIN_PREFETCHED))
                if not ready:
                    return
                before = count
                # No reference to these batches remains while the call runs: memory is for two calls' batches at most.
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
    if isinstance(split.x, Given):
        return GivenFeed(split.x, condition)
    return InMemory(split, condition) if isinstance(split.x, np.ndarray) else Streamed(split, condition)


def first(split: Split, count: int) -> np.ndarray:
    """The first examples of a split, `[count, …]` or fewer, in the user's units, read from disk if need be.

    Raises:
      UserError: a file cannot be read (names it).
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


def _variable(rows: np.ndarray) -> tf.Variable:
    return tf.Variable(rows, trainable=False, shape=[None, *rows.shape[1:]])


def _pack(x: np.ndarray) -> np.ndarray:
    """The bytes of each example as int64 `[n, words]`, padded with zeros."""
    raw = np.ascontiguousarray(x).view(np.uint8).reshape(len(x), math.prod(x.shape[1:]) * x.itemsize)
    return np.pad(raw, [(0, 0), (0, -raw.shape[1] % 8)]).view(np.int64)


def _unpack(words: tf.Tensor, shape: tuple[int, ...], dtype: np.dtype) -> tf.Tensor:
    raw = tf.reshape(tf.bitcast(words, tf.uint8), [-1, words.shape[1] * 8])
    raw = raw[:, : math.prod(shape) * dtype.itemsize]
    if dtype.itemsize == 1:
        return tf.bitcast(tf.reshape(raw, [-1, *shape]), dtype)
    return tf.bitcast(tf.reshape(raw, [-1, *shape, dtype.itemsize]), dtype)
