"""Examples of a split in the form that the evaluation uses; shared by report, diagnosis, pictures and export."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae import noise
from tfvae.data import pipeline
from tfvae.data.condition import Condition
from tfvae.data.splits import DataSet, Split
from tfvae.errors import UserError

SPLITS = ("test", "validation", "train")


@dataclass(frozen=True, eq=False)
class View:
    """The first examples of a split.

    Attributes:
      x: `[n, …]` in model units, scaled and, if the data set is binarised, binary.
      raw: `[n, …]` in the user's units, as they were read.
      y: the condition of a conditional model, float32 `[n, C]`; None if the data set has no condition.
      labels: class numbers, int64 `[n]`, -1 for an unlabelled example; None if there are no labels.
      split: "test", "validation" or "train".
    """

    x: np.ndarray
    raw: np.ndarray
    y: np.ndarray | None
    labels: np.ndarray | None
    split: str

    def __len__(self) -> int:
        return len(self.x)


def first(
    data: DataSet,
    split: str,
    count: int | None = None,
    *,
    condition: Condition | None = None,
    dtype: str = "float32",
) -> View:
    """The first examples of a split, bit-identical to those of the evaluation.

    Dynamic binarisation draws at purpose 3 and step 2^40 - 1 with the run's seed, example i of the split at example i.

    Args:
      data: the data set.
      split: "test", "validation" or "train".
      count: number of examples, at most those of the split; None: all.
      condition: the model's meaning of y; None: that of the data set.
      dtype: of x; float32 or float64.

    Raises:
      UserError: names the file that cannot be read.

    Example:
      >>> from tfvae.config.data import Digits
      >>> from tfvae.data.load import load
      >>> view = first(load(Digits(), seed=0), "test", 3)
      >>> view.x.shape, view.labels.shape
      ((3, 8, 8, 1), (3,))
    """
    source = _split(data, split)
    raw = pipeline.first(source, len(source) if count is None else count)
    address = noise.Address(data.seed, noise.BINARISATION, noise.LAST_STEP)
    x = pipeline.model_units(tf.constant(raw), data.scaling, data.binarize, address, dtype).numpy()
    labels = None if source.y is None else source.y[: len(raw)]
    return View(x, raw, _condition_values(data, source, len(raw), condition), labels, split)


def held_out(data: DataSet) -> str:
    """The split to evaluate a model on: test; validation if that is empty; else train.

    Example:
      >>> from tfvae.data.load import from_arrays
      >>> held_out(from_arrays(np.zeros([4, 3])))
      'train'
    """
    return next(name for name in SPLITS if name == "train" or len(_split(data, name)))


def sampled_condition(view: View, condition: Condition | None, count: int) -> np.ndarray | None:
    """The y for `sample(count)`: None for labels, which it draws by their frequencies, or the examples' attributes.

    Args:
      view: examples of the data set.
      condition: of the model, or None.
      count: number of samples.
    """
    if condition is None or condition.kind == "label" or view.y is None:
        return None
    return np.resize(view.y, (count, condition.size))


def _split(data: DataSet, name: str) -> Split:
    if name not in SPLITS:
        raise UserError(f"split: got {name!r}, expected one of {', '.join(SPLITS)}.")
    split: Split = getattr(data, name)
    return split


def _condition_values(data: DataSet, split: Split, count: int, condition: Condition | None) -> np.ndarray | None:
    condition = condition or data.condition
    if condition is None:
        return None
    values: Any = split.y if condition.kind == "label" else split.attributes
    return None if values is None else condition.encode(values[:count], count)
