"""A model and the examples in its pictures; values that several pictures share are computed once, when first needed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tfvae.data import views
from tfvae.latent.density import DiagonalDensity
from tfvae.latent.interpolation import linear, spherical
from tfvae.models.capabilities import capabilities, gaussian_prior
from tfvae.plots.style import LONGEST_NAME, class_name

if TYPE_CHECKING:
    from tfvae.data.splits import DataSet
    from tfvae.models.vae import VAE

SEED = 0
MOST, MOST_LARGE = 5000, 1000
LARGE = 1024  # numbers per example; above it, and for files, fewer examples are used to draw within a minute
BATCH = 256
SMALL = 40  # pixels per side; up to this size more images are drawn
MOST_PAIRS = 4

Array = NDArray[np.floating]


class Subject:
    """The argument of the drawing functions of `tfvae.plots.gallery`.

    Args:
      vae: the model, trained or in training.
      data: its data set; without a test split, validation or else training examples are shown.
      metrics: the lines of `metrics.jsonl`.
      seed: of the noise of samples.
      when: words for the titles of samples, such as "after epoch 3".
    """

    def __init__(
        self, vae: VAE, data: DataSet, metrics: Sequence[Mapping[str, Any]] = (), seed: int = SEED, when: str = ""
    ) -> None:
        self.vae, self.data, self.metrics, self.seed, self.when = vae, data, metrics, seed, when

    @cached_property
    def capabilities(self) -> frozenset[str]:
        """What the model can do with its data."""
        return capabilities(self.vae, self.data, self.metrics)

    @cached_property
    def view(self) -> views.View:
        """The examples that are shown."""
        split = views.held_out(self.data)
        small = isinstance(getattr(self.data, split).x, np.ndarray) and math.prod(self.data.shape) <= LARGE
        return views.first(self.data, split, MOST if small else MOST_LARGE, condition=self.vae.condition)

    def kind(self, what: str) -> str:
        """The kind of examples shown, such as "test images"."""
        return f"{'training' if self.view.split == 'train' else self.view.split} {what}"

    @property
    def examples(self) -> str:
        """The number and kind of examples shown, such as "359 test examples"."""
        return f"{len(self.view)} {self.kind('examples')}"

    @property
    def small(self) -> bool:
        """Whether the images are small, so that more of them fit into a picture."""
        return max(self.data.shape[:2]) <= SMALL

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """Indices of all examples: the first of each class, then the second of each; in order without labels."""
        return in_turn(self.view.labels, len(self.view))

    def class_names(self, indices: NDArray[np.int64]) -> list[str]:
        """The class names of these examples; empty if there are no labels."""
        labels = self.view.labels
        return [] if labels is None else [self._class_name(label) for label in labels[indices].tolist()]

    @cached_property
    def _encoded(self) -> tuple[Array, Array | None]:
        points, variances = [], []
        for first in range(0, len(self.view), BATCH):
            part = slice(first, first + BATCH)
            outputs, _ = self.vae.infer(tf.constant(self.view.x[part]), self._rows(part))
            density = self.vae.posterior.density(outputs)
            points.append(np.asarray(self.vae.posterior.point(outputs)))
            variances += [np.exp(density.log_var)] if isinstance(density, DiagonalDensity) else []
        return np.concatenate(points), np.concatenate(variances) if variances else None

    @property
    def codes(self) -> Array:
        """The point of q(z|x) for each example, such as z_mean, `[n, *latent_shape]`."""
        return self._encoded[0]

    @property
    def code_variances(self) -> Array:
        """The variance of a diagonal posterior q(z|x), `[n, *latent_shape]`."""
        variances = self._encoded[1]
        assert variances is not None
        return variances

    @cached_property
    def kl(self) -> Array:
        """Mean KL of each dimension over the examples, `[latent_dim]`, nats."""
        y = self._rows(slice(None))
        return np.asarray(self.vae.elbo(self.view.x, SEED, y=y).kl_per_dimension, np.float64).mean(axis=0)

    @cached_property
    def by_kl(self) -> list[int]:
        """The latent dimensions, largest KL first."""
        return np.argsort(-self.kl, kind="stable").tolist()

    @cached_property
    def prior_moments(self) -> tuple[Array, Array]:
        """Mean and covariance of a Gaussian prior, float64."""
        gaussian = gaussian_prior(self.vae)
        factor = np.asarray(gaussian.scale_tril, np.float64)
        return np.asarray(gaussian.mean, np.float64), factor @ factor.T

    def from_noise(self, eps: Array) -> Array:
        """z = m + L eps under a Gaussian prior, `[…, *latent_shape]`."""
        gaussian = gaussian_prior(self.vae)
        return np.asarray(gaussian.from_noise(tf.constant(eps, gaussian.mean.dtype)))

    def paths(self, start: Array, end: Array, steps: int) -> tuple[Array, Array | None]:
        """Codes `[pairs, steps, *latent_shape]` on straight lines, and on the sphere of eps if z = m + L eps."""
        shape = (len(start), steps, *start.shape[1:])
        straight = linear(_flat(start), _flat(end), steps).reshape(shape)
        gaussian = gaussian_prior(self.vae)
        if gaussian is None:
            return straight, None
        first, last = (np.asarray(gaussian.whiten(tf.constant(z, gaussian.mean.dtype))) for z in (start, end))
        return straight, self.from_noise(spherical(_flat(first), _flat(last), steps).reshape(shape))

    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Start and end examples of paths: of different classes, or of the class at which y is fixed."""
        chosen, labels = self.order, self.view.labels
        if self._held_label is not None and labels is not None:
            same = chosen[labels[chosen] == self._held_label]
            chosen = same if len(same) > 1 else chosen
        count = min(MOST_PAIRS, len(chosen) // 2)
        return chosen[0 : 2 * count : 2], chosen[1 : 2 * count : 2]

    @cached_property
    def held(self) -> int:
        """The example whose code and y are the start of traversals."""
        labels = self.view.labels
        if self.vae.condition_size is None or labels is None:
            return int(self.order[0])
        return int(next((i for i in self.order if labels[i] >= 0), self.order[0]))

    @property
    def at(self) -> str:
        """For titles: the y at which a conditional model is fixed; empty for other models."""
        if self.vae.condition_size is None:
            return ""
        label = self._held_label
        return ", fixed attributes" if label is None else f", class {self._class_name(label)}"

    def decoded(self, z: Array, y: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Means of p(x|z, y) in model units, `[…, *example]`.

        Args:
          z: `[…, *latent_shape]`.
          y: one row for each z, `[n, C]`; None: a conditional model is fixed at one y.
        """
        leading = z.shape[: z.ndim - len(self.vae.latent_shape)]
        flat = np.asarray(z, np.float32).reshape(-1, *self.vae.latent_shape)
        if self.vae.condition_size is not None and y is None:
            y = np.broadcast_to(self._conditions[self.held], (len(flat), self.vae.condition_size))
        parts = []
        for first in range(0, len(flat), BATCH):
            rows = None if y is None else tf.constant(y[first : first + BATCH])
            parts.append(np.asarray(self.vae.decode(flat[first : first + BATCH], rows)))
        x = np.concatenate(parts)
        return x.reshape(*leading, *x.shape[1:])

    def reconstructed(self, indices: NDArray[np.int64]) -> NDArray[np.float32]:
        """Means of p(x|z, y) at the codes of these examples, each with its own y, in model units."""
        return self.decoded(self.codes[indices], None if self.vae.condition_size is None else self._conditions[indices])

    def sampled(self, count: int, *, y: Any = None, draw: bool = False) -> Array:
        """Samples in the user's units; labels are drawn with their training frequencies unless y is given."""
        if y is None:
            y = views.sampled_condition(self.view, self.vae.condition, count)
        return self.vae.sample(count, seed=self.seed, y=y, draw=draw)

    def shown(self, x: Array) -> Array:
        """Model units as grey levels or colours: unchanged if they are in [0, 1], else scaled by the data's range."""
        scaling = self.data.scaling
        if scaling.kind in ("unit", "min-max"):
            return x
        if scaling.integer and scaling.kind == "none":
            return x / np.float32(255.0)
        examples = scaling.forward(self.view.raw)
        low, high = float(examples.min()), float(examples.max())
        if low >= 0.0 and high <= 1.0:
            return x
        return ((x - low) / (high - low if high > low else 1.0)).astype(np.float32)

    @property
    def _conditions(self) -> NDArray[np.float32]:
        assert self.view.y is not None
        return self.view.y

    def _rows(self, part: slice) -> tf.Tensor | None:
        return None if self.vae.condition_size is None else tf.constant(self._conditions[part])

    @property
    def _held_label(self) -> int | None:
        if "label condition" not in self.capabilities or self.view.labels is None:
            return None
        return int(self.view.labels[self.held])

    def _class_name(self, label: int) -> str:
        condition = self.vae.condition
        names = self.data.label_names or (condition.names if condition is not None else ())
        return class_name(label, names, LONGEST_NAME // 2)


def in_turn(labels: NDArray[np.integer] | None, count: int) -> NDArray[np.int64]:
    """Indices of all examples: the first of each class, then the second of each, and so on; in order without labels.

    Example:
      >>> in_turn(np.array([1, 1, 0]), 3).tolist()
      [2, 0, 1]
    """
    if labels is None:
        return np.arange(count)
    turn = np.zeros(count, np.int64)
    for label in np.unique(labels):
        (places,) = np.nonzero(labels == label)
        turn[places] = np.arange(len(places))
    return np.lexsort((labels, turn))


def _flat(z: Array) -> Array:
    return z.reshape(len(z), -1)
