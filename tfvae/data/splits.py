"""What a source returns and what training uses: examples in the user's units, by split."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from tfvae.data.condition import Condition
from tfvae.data.scaling import Scaling

Say = Callable[[str], None]
# Files by name: size in bytes, time of the last change in nanoseconds, and the digest of the content.
Known = Mapping[str, tuple[int, int, int]]


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

    def digests(self, known: Known, say: Say) -> tuple[np.ndarray, Known]:
        """What identifies the content of each example, for `tfvae.data.fingerprint`.

        Args:
          known: files that were digested before.
          say: called with a sentence now and then if it takes long.

        Returns:
          uint64 `[n]`, equal for equal contents; and the files, by name, in the order of the examples (empty for
          examples that are not in files of their own).

        Raises:
          UserError: names the file that cannot be read.
        """


@dataclass(frozen=True, eq=False)
class Split:
    """Examples of one split, unchanged, in the user's units.

    Attributes:
      x: `[n, …]` (uint8 stays uint8), or examples to be streamed.
      y: labels, int64 `[n]`, -1 for an unlabelled example, or None.
      attributes: float32 `[n, A]`, or None.
      digests: uint64 `[n]`, equal where x is equal, or None if it is not known.
    """

    x: np.ndarray | OnDisk
    y: np.ndarray | None = None
    attributes: np.ndarray | None = None
    digests: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.x)

    @functools.cached_property
    def ends(self) -> np.ndarray | None:
        """`[2, …]`: the lowest and the highest of each value over the examples, without NaN; None for a stream."""
        if not isinstance(self.x, np.ndarray) or not len(self.x):
            return None
        return np.stack([np.fmin.reduce(self.x), np.fmax.reduce(self.x)])

    def take(self, indices: np.ndarray) -> Split:
        """The examples at the indices, in their order."""
        x = self.x[indices] if isinstance(self.x, np.ndarray) else self.x.take(indices)
        others = (self.y, self.attributes, self.digests)
        return Split(x, *(None if rows is None else rows[indices] for rows in others))


@dataclass(frozen=True, eq=False)
class Source:
    """The content of a source, before the splits that it lacks are taken and the scaling is fitted.

    Attributes:
      train: everything except the source's own other splits; those that it lacks are taken from it.
      test: the source's own test split, or None.
      validation: the source's own validation split, or None.
      origin: what each of the source's own splits is, by its name, such as "the array x_test".
      groups: the group of each example of `train`, int64 `[n]`, whose examples stay together; or None.
      generated: the examples are computed from the settings, which therefore identify them.
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
    validation: Split | None = None
    origin: Mapping[str, str] = field(default_factory=dict)
    groups: np.ndarray | None = None
    generated: bool = False

    @property
    def own(self) -> dict[str, Split]:
        """The splits that the source has itself, by name."""
        found = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: split for name, split in found.items() if split is not None}


@dataclass(frozen=True, eq=False)
class DataSet:
    """Everything that a run needs to know about its data.

    Attributes:
      name: the source.
      train: the examples to train on; the scaling is fitted on these only.
      validation: the source's own, or taken from the training part; may be empty.
      test: never trained on; may be empty.
      scaling: user's units to model units, and back.
      shape: of one example; images are height, width, channels.
      label_names: the name of each label 0, 1, …, or None.
      feature_names: the name of each column, or None.
      notes: sentences to print, such as how the test split was chosen.
      condition: what the model is conditioned on; None: nothing.
      binarize: how examples become binary: "none", "threshold" or "dynamic".
      seed: the run's; dynamic binarisation draws with it.
      fingerprint: what identifies the data (`tfvae.data.fingerprint`); empty for a user's arrays.
      files: the files of the examples, by name; empty for arrays.
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
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    files: Known = field(default_factory=dict)
