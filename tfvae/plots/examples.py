"""The examples that pictures show, and calls of the model in batches that fit in memory."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tfvae.plots.style import LONGEST_NAME, text

if TYPE_CHECKING:
    from tfvae.data.splits import DataSet
    from tfvae.models.vae import VAE

MOST, MOST_LARGE = 5000, 1000
LARGE = 1024  # numbers in one example: beyond it, and for files, fewer examples keep drawing within a minute
BATCH = 256


@dataclass(frozen=True, eq=False)
class Examples:
    """The first examples of a split, in the user's units.

    Attributes:
      x: [n, …].
      y: labels, int64 [n], or None.
      kind: the split they come from: test, validation or training.
    """

    x: NDArray[Any]
    y: NDArray[np.int64] | None
    kind: str

    @property
    def are_images(self) -> bool:
        """Whether one example is height, width, channels."""
        return self.x.ndim == 4

    def one_of_each_class(self) -> NDArray[np.int64]:
        """Indices of all examples: the first of each class, then the second of each, and so on; else as they come."""
        if self.y is None:
            return np.arange(len(self.x))
        turn = np.zeros(len(self.y), np.int64)
        for label in np.unique(self.y):
            (places,) = np.nonzero(self.y == label)
            turn[places] = np.arange(len(places))
        return np.lexsort((self.y, turn))

    def class_names(self, indices: NDArray[np.int64], label_names: tuple[str, ...] | None) -> list[str]:
        """What to write above each of these examples; nothing where there are no labels."""
        if self.y is None:
            return []
        names = label_names or ()
        return [text(names[c] if 0 <= c < len(names) else c, LONGEST_NAME // 2) for c in self.y[indices].tolist()]


def examples_of(data: DataSet) -> Examples:
    """The first examples of the test split; where it is empty of validation, else of training."""
    splits = {"test": data.test, "validation": data.validation, "training": data.train}
    kind, split = next((kind, split) for kind, split in splits.items() if len(split) or kind == "training")
    from tfvae.data import pipeline  # here, so that pictures of arrays do not need TensorFlow

    small = isinstance(split.x, np.ndarray) and math.prod(data.shape) <= LARGE
    x = pipeline.first(split, MOST if small else MOST_LARGE)
    return Examples(x, None if split.y is None else split.y[: len(x)], kind)


def binarised(x: NDArray[np.float32], binarize: str) -> NDArray[np.float32]:
    """Model units as training gave them to the model: see `tfvae.data.pipeline.model_units`; dynamic: one draw."""
    if binarize == "none":
        return x
    import tensorflow as tf

    from tfvae import noise
    from tfvae.data.pipeline import model_units
    from tfvae.data.scaling import Scaling

    address = noise.Address(0, noise.BINARISATION, noise.LAST_STEP)
    return model_units(tf.constant(x), Scaling.identity(), binarize, address).numpy()


def encoded(vae: VAE, x: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """z_mean and z_log_var, each [n, latent], of x in model units [n, …]."""
    parts = _in_batches(lambda part: vae.encode(part), x)
    return np.concatenate([np.asarray(a) for a, _ in parts]), np.concatenate([np.asarray(b) for _, b in parts])


def decoded(vae: VAE, z: NDArray[np.floating]) -> NDArray[np.float32]:
    """Means of p(x|z) in model units, [..., *example] for z [..., latent]."""
    flat = np.asarray(z, np.float32).reshape(-1, z.shape[-1])
    x = np.concatenate([np.asarray(part) for part in _in_batches(lambda part: vae.decode(part), flat)])
    return x.reshape(*z.shape[:-1], *x.shape[1:])


def shown(x: NDArray[np.float32], data: DataSet) -> NDArray[np.float32]:
    """Model units as grey levels or colours: as they are where they lie in [0, 1], else over the data's own range."""
    if data.scaling.kind in ("unit", "min-max"):
        return x
    if data.scaling.integer and data.scaling.kind == "none":
        return x / np.float32(255.0)
    some = data.scaling.forward(examples_of(data).x)
    low, high = float(some.min()), float(some.max())
    if low >= 0.0 and high <= 1.0:
        return x
    return ((x - low) / (high - low if high > low else 1.0)).astype(np.float32)


def _in_batches(function: Callable[[Any], Any], x: NDArray[Any]) -> list[Any]:
    return [function(x[first : first + BATCH]) for first in range(0, len(x), BATCH)]
