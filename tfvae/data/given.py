"""Batches from a user's own iterable, in its order: a `tf.data.Dataset`, a `keras.utils.PyDataset`, a generator."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfvae.data import arrays
from tfvae.data.condition import Condition
from tfvae.errors import UserError


class Pair(NamedTuple):
    """One batch: x `[batch, …]` in the user's units, and y or None."""

    x: np.ndarray
    y: Any = None


def is_iterable(x: Any) -> bool:
    """Whether x gives batches one after the other, as opposed to an array of all examples.

    Example:
      >>> is_iterable(tf.data.Dataset.range(3)), is_iterable([[1.0], [2.0]])
      (True, False)
    """
    if isinstance(x, (tf.data.Dataset, keras.utils.PyDataset)):
        return True
    is_array = hasattr(x, "__array__") or hasattr(x, "shape") or isinstance(x, (list, tuple, dict, str, bytes))
    return not is_array and (hasattr(x, "__iter__") or hasattr(x, "__next__"))


class Given:
    """Batches of equal size from a user's iterable; a smaller one at the end of a pass is left out.

    Args:
      source: the iterable.
      event_shape: of an example; a missing channel axis is added.
      steps: batches per epoch, through as many passes as it takes; None: those of one pass, which are counted.
      what: its name in messages.

    Attributes:
      batch_size: examples of each batch.
      steps: batches per epoch.
      dtype: of x.
      first: the first batch.
      notes: sentences to print.

    Raises:
      UserError: batches of several sizes or of another shape, no end and no `steps`, or no full batch.
    """

    def __init__(self, source: Any, event_shape: tuple[int, ...], steps: int | None = None, what: str = "x") -> None:
        self._source, self._event, self._what = source, event_shape, what
        # A generator can be read once, so what is read of it here is put back.
        self._once = iter(source) if iter_once(source) else None
        first = next(self._pass(), None)
        if first is None:
            raise UserError(f"{what}: gives no batch; expected at least one.")
        if self._once is not None:
            self._once = itertools.chain([first], self._once)
        self.first, self.batch_size, self.dtype = first, len(first.x), first.x.dtype
        self.notes: tuple[str, ...] = ()
        self.steps = self._count() if steps is None else steps

    def __len__(self) -> int:
        return self.steps * self.batch_size

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example."""
        return self._event

    def batches(self) -> Iterator[Pair]:
        """The full batches without an end: one pass after the other.

        Raises:
          UserError: a batch of another size before the end of a pass; or a generator has ended.
        """
        while True:
            yield from self._full()
            if self._once is not None:
                raise UserError(
                    f"{self._what}: the generator ended before the training; give one that goes on, or set epochs and "
                    "steps_per_epoch to what it has."
                )

    def _full(self) -> Iterator[Pair]:
        odd: tuple[int, int] | None = None
        for number, pair in enumerate(self._pass()):
            if odd is not None or len(pair.x) > self.batch_size:
                place, size = odd or (number, len(pair.x))
                raise UserError(
                    f"{self._what}: batch {place + 1} has {size} examples, but the first has {self.batch_size}; only "
                    "the last may have fewer: make the batches equal."
                )
            if len(pair.x) < self.batch_size:
                odd = (number, len(pair.x))
                continue
            yield pair

    def _pass(self) -> Iterator[Pair]:
        if self._once is not None:
            for item in self._once:
                yield item if isinstance(item, Pair) else self._pair(item)
        elif isinstance(self._source, keras.utils.PyDataset):
            for index in range(self._source.num_batches or 0):
                yield self._pair(self._source[index])
            self._source.on_epoch_end()
        else:
            for item in self._source:
                yield self._pair(item)

    def _pair(self, item: Any) -> Pair:
        parts = item if isinstance(item, (tuple, list)) else (item,)
        if len(parts) > 2 or not parts:
            what = "a third part, sample weights, is not supported" if len(parts) == 3 else f"got {len(parts)} parts"
            raise UserError(f"{self._what}: a batch is x or (x, y); {what}.")
        x = arrays.with_channel(np.asarray(parts[0]), self._event)
        if x.dtype.kind not in "biuf" or x.shape[1:] != self._event:
            sizes = ", ".join(map(str, self._event))
            raise UserError(
                f"{self._what}: a batch has {x.dtype} values of shape {list(x.shape)}, expected numbers of shape "
                f"[batch, {sizes}]."
            )
        return Pair(x.astype(np.float32) if x.dtype.kind == "b" else x, parts[1] if len(parts) == 2 else None)

    def _count(self) -> int:
        """The full batches of one pass."""
        if self._once is not None or _endless(self._source):
            raise UserError(f"{self._what}: has no end that is known; pass steps_per_epoch.")
        count = _known(self._source)
        if count is None:
            count = sum(1 for _ in self._full())
            self.notes = (f"{self._what}: counted {count} batches of {self.batch_size} examples.",)
        if count == 0:
            raise UserError(f"{self._what}: gives no full batch of {self.batch_size} examples.")
        return count


class GivenFeed:
    """Feeds a user's batches to the compiled step: the order is theirs, so indices only say how many are needed."""

    def __init__(self, given: Given, condition: Condition | None) -> None:
        self._condition = condition
        self._batches = given.batches()

    def replace(self, split: Any) -> None:
        """Feeds the batches of another iterable."""
        self._batches = split.x.batches()

    def release(self) -> None:
        """Forgets the iterable."""
        self._batches = iter(())

    def calls(self, indices: Iterable[np.ndarray], steps: Callable[[], int]) -> Generator[Any, None, None]:
        """Yields x and, for a conditional model, y, each `[K, batch, …]`."""
        rows = iter(indices)
        while count := len(list(itertools.islice(rows, steps()))):
            pairs = [self._arrays(pair) for pair in itertools.islice(self._batches, count)]
            with tf.device("CPU:0"):
                yield tuple(tf.stack(parts) for parts in zip(*pairs, strict=True))

    def fetch(self, element: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, tf.Tensor | None]:
        """One step's batch."""
        return element[0], element[1] if len(element) > 1 else None

    def _arrays(self, pair: Pair) -> tuple[np.ndarray, ...]:
        if self._condition is None:
            return (pair.x,)
        if pair.y is None:
            raise UserError("x: the model is conditional; expected batches (x, y).")
        return pair.x, self._condition.encode(np.asarray(pair.y), len(pair.x))


def collected(source: Any, event_shape: tuple[int, ...], steps: int | None, what: str) -> tuple[np.ndarray, Any]:
    """All examples of an iterable, or those of its first `steps` batches, as arrays x and y (None if it has no y).

    Raises:
      UserError: it gives nothing, or has no end that is known.
    """
    if steps is None and (iter_once(source) or _endless(source)):
        instead = "pass validation_steps" if what == "validation_data" else "pass an array"
        raise UserError(f"{what}: has no end that is known; {instead}.")
    given = Given(source, event_shape, steps or 1, what)
    pairs = list(itertools.islice(given._pass(), steps))
    ys = [pair.y for pair in pairs if pair.y is not None]
    return np.concatenate([pair.x for pair in pairs]), np.concatenate(ys) if len(ys) == len(pairs) else None


def iter_once(source: Any) -> bool:
    """Whether it can be read only once, as a generator can."""
    return isinstance(source, Iterator) and not isinstance(source, (tf.data.Dataset, keras.utils.PyDataset))


def _endless(source: Any) -> bool:
    if isinstance(source, tf.data.Dataset):
        return int(source.cardinality()) == int(tf.data.INFINITE_CARDINALITY)
    return isinstance(source, keras.utils.PyDataset) and source.num_batches is None


def _known(source: Any) -> int | None:
    """The number of batches, if all are known to be of one size."""
    if not isinstance(source, tf.data.Dataset) or int(source.cardinality()) < 0:
        return None
    x = tf.nest.flatten(source.element_spec)[0]
    return int(source.cardinality()) if isinstance(x, tf.TensorSpec) and x.shape.rank and x.shape[0] else None
