"""What a source returns and what training uses: examples in the user's units, by split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import tensorflow as tf

from tfvae.data.condition import Condition
from tfvae.data.scaling import Scaling


class OnDisk(Protocol):
    """Examples that stay on disk until a batch needs them."""

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
        """An array from which `scaling.fit` fits the same scaling as from all the examples.

        Raises:
          UserError: this kind of scaling cannot be fitted to these examples.
        """


@dataclass(frozen=True, eq=False)
class Split:
    """Examples of one split, unchanged, in the user's units.

    Attributes:
      x: `[n, …]` (uint8 stays uint8), or examples to be streamed.
      y: labels, int64 `[n]`, -1 for an unlabelled example, or None.
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
    """The content of a source, before the validation split is taken and the scaling is fitted.

    Attributes:
      train: everything except the test split; if `test` is None, the test split is taken from it.
      test: the source's own test split, or None.
      auto: the scaling that "auto" selects.
      unit_maximum: the user's value that becomes 1 under "unit" scaling.
      label_names: the name of each label 0, 1, …, or None.
      feature_names: the name of each column, or None.
      attribute_names: the name of each attribute.
      notes: sentences to print.
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
    """Everything that a run needs to know about its data.

    Attributes:
      name: the source.
      train: the examples to train on; the scaling is fitted on these only.
      validation: taken from the training part; may be empty.
      test: never trained on; may be empty.
      scaling: user's units to model units, and back.
      shape: of one example; images are height, width, channels.
      label_names: the name of each label 0, 1, …, or None.
      feature_names: the name of each column, or None.
      notes: sentences to print, such as how the test split was chosen.
      condition: what the model is conditioned on; None: nothing.
      binarize: how examples become binary: "none", "threshold" or "dynamic".
      seed: the run's; dynamic binarisation draws with it.
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
