"""What a source hands over and what training gets: examples in the user's units, by split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfvae.data.scaling import Scaling


@dataclass(frozen=True, eq=False)
class ImageFiles:
    """Images that stay on disk until a batch needs them.

    Attributes:
      paths: the files, PNG or JPEG, in a fixed order.
      labels: int64 `[n]`, or None where the folder has no class sub-folders.
      size: height and width after resize and crop.
      channels: 1 for grey, 3 for colour.
    """

    paths: tuple[str, ...]
    labels: np.ndarray | None
    size: tuple[int, int]
    channels: int

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, indices: Sequence[int] | np.ndarray) -> ImageFiles:
        """The files at the indices, in their order."""
        labels = None if self.labels is None else self.labels[indices]
        return ImageFiles(tuple(self.paths[i] for i in indices), labels, self.size, self.channels)


@dataclass(frozen=True, eq=False)
class Split:
    """Examples of one split, in the user's units and as they came.

    Attributes:
      x: `[n, …]` (uint8 stays uint8), or image files to be streamed.
      y: labels, int64 `[n]`, or None.
    """

    x: np.ndarray | ImageFiles
    y: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.x)

    def take(self, indices: np.ndarray) -> Split:
        """The examples at the indices, in their order."""
        if isinstance(self.x, ImageFiles):
            files = self.x.take(indices)
            return Split(files, files.labels)
        return Split(self.x[indices], None if self.y is None else self.y[indices])


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
      notes: sentences worth printing.
    """

    train: Split
    test: Split | None = None
    auto: str = "auto"
    unit_maximum: float = 255.0
    label_names: tuple[str, ...] | None = None
    feature_names: tuple[str, ...] | None = None
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
