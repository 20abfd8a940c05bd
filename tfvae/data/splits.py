"""What a source hands over and what training gets: examples in the user's units, by split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import tensorflow as tf

from tfvae.data.condition import Condition
from tfvae.data.scaling import Scaling


class OnDisk(Protocol):
    """Examples that stay where they are until a batch needs them."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example."""

    @property
    def dtype(self) -> np.dtype:
        """Of their values."""

    def __len__(self) -> int: ...

    def take(self, indices: np.ndarray) -> OnDisk:
        """The examples at the indices, in their order; nothing is read."""

    def read(self, indices: np.ndarray) -> tf.Tensor:
        """The examples at the indices, `[batch, …]` in the user's units, on the host; from any thread.

        Raises:
          UserError: names the file that cannot be read.
        """

    def to_fit(self, kind: str) -> np.ndarray:
        """An array from which `scaling.fit` takes the same scaling as from all the examples.

        Raises:
          UserError: a kind that cannot be had of them.
        """


@dataclass(frozen=True, eq=False)
class Split:
    """Examples of one split, in the user's units and as they came.

    Attributes:
      x: `[n, …]` (uint8 stays uint8), or what is to be streamed.
      y: labels, int64 `[n]`, -1 for an unlabelled one, or None.
      attributes: float32 `[n, A]`, or None.
    """

    x: np.ndarray | OnDisk
    y: np.ndarray | None = None
    attributes: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.x)

    def take(self, indices: np.ndarray) -> Split:
        """The examples at the indices, in their order."""
        x = self.x[indices] if isinstance(self.x, np.ndarray) else self.x.take(indices)
        y, attributes = (None if rows is None else rows[indices] for rows in (self.y, self.attributes))
        return Split(x, y, attributes)


@dataclass(frozen=True, eq=False)
class Source:
    """What one source read, before validation is split off and scaling fitted.

    Attributes:
      train: all that is not the test split; with `test` None, the test is taken from it.
      test: the source's own test split, or None.
      auto: the scaling that "auto" stands for.
      unit_maximum: the user's value that becomes 1 under "unit" scaling.
      label_names: the name of each label 0, 1, …, or None.
      feature_names: the name of each column, or None.
      attribute_names: the name of each attribute.
      notes: sentences worth printing.
    """

    train: Split
    test: Split | None = None
    auto: str = "auto"
    unit_maximum: float = 255.0
    label_names: tuple[str, ...] | None = None
    feature_names: tuple[str, ...] | None = None
    attribute_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class DataSet:
    """Everything that a run needs to know of its data.

    Attributes:
      name: the source.
      train: what gradients are taken on; scaling is fitted on it alone.
      validation: kept from the training part; empty where there is none.
      test: never trained on; empty where there is none.
      scaling: user's units to model units, and back.
      shape: of one example; images are height, width, channels.
      label_names: the name of each label 0, 1, …, or None.
      feature_names: the name of each column, or None.
      notes: sentences to print, such as how the test split was made.
      condition: what the model is conditioned on; None: nothing.
      binarize: how examples become binary: "none", "threshold" or "dynamic".
      seed: the run's, under which binary forms are drawn.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    scaling: Scaling
    shape: tuple[int, ...]
    label_names: tuple[str, ...] | None = None
    feature_names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    condition: Condition | None = None
    binarize: str = "none"
    seed: int = 0
