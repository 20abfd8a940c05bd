"""The condition y of a model: class labels as one-hot rows, or numeric attributes unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfvae import noise
from tfvae.config import nearest
from tfvae.data import arrays
from tfvae.errors import UserError

KINDS = ("label", "attributes")


@dataclass(frozen=True)
class Condition:
    """The meaning of y `[batch, C]`.

    Attributes:
      kind: "label" (one-hot; a row of zeros is unlabelled) or "attributes".
      names: of the C labels or attributes.
      frequencies: of the labels in the training examples; `sample(n)` draws labels with them. Empty for attributes.
    """

    kind: str
    names: tuple[str, ...]
    frequencies: tuple[float, ...] = ()

    @property
    def size(self) -> int:
        """C."""
        return len(self.names)

    def encode(self, y: Any, count: int) -> np.ndarray:
        """y as float32 `[count, C]`.

        Args:
          y: one for each example, or one for all: labels as integers (-1: unlabelled) or names, or rows of C numbers.
            A row of a label model has no negative number and a sum of at most 1. C whole numbers for C examples are
            labels.
          count: number of examples.

        Raises:
          UserError: y has the wrong shape, or holds an unknown label.

        Example:
          >>> Condition("label", ("cat", "dog")).encode("dog", 2).tolist()
          [[0.0, 1.0], [0.0, 1.0]]
        """
        y = np.asarray(y)
        if self.kind == "label" and self.size > 1 and y.shape == (count, 1):
            y = y[:, 0]
        if self.kind == "label" and self._are_labels(y, count):
            return self._one_hot(np.broadcast_to(y, (count,)))
        shapes = [(self.size,), (1, self.size), (count, self.size)]
        if self.size == 1:
            y, shapes = (y[:, None] if y.shape == (count,) else y), [*shapes, ()]
        if y.shape not in shapes or y.dtype.kind not in "biuf" or not np.isfinite(y).all():
            raise UserError(f"y: got {y.dtype} of shape {list(y.shape)}, expected {self._expected(count)}.")
        rows = np.broadcast_to(y, (count, self.size)).astype(np.float32)
        if self.kind == "label" and not self._are_probabilities(rows):
            raise UserError(
                f"y: got rows from {rows.min():g} to {rows.max():g}, with sums up to {rows.sum(axis=1).max():g}; "
                f"expected {self._expected(count)}, without negative numbers and with sums of at most 1."
            )
        return rows

    def draw(self, seed: int, count: int) -> np.ndarray:
        """Labels drawn with their training frequencies, float32 `[count, C]`; sample i is example i of purpose 7.

        Raises:
          UserError: the condition has no frequencies, as attributes never have.
        """
        if self.kind != "label":
            raise UserError(
                f"sample: the model is conditioned on {', '.join(self.names)}; pass y, as in sample(n, y=…)."
            )
        if not self.frequencies:
            raise UserError(
                "sample: the training frequencies of the labels are not known; pass y, as in sample(n, y=…)."
            )
        uniform = noise.uniform(noise.Address(seed, noise.LABELS), [count])[0].numpy().astype(np.float64)
        edges = np.cumsum(self.frequencies) / np.sum(self.frequencies)
        return np.eye(self.size, dtype=np.float32)[np.searchsorted(edges[:-1], uniform, side="right")]

    def to_dict(self) -> dict[str, Any]:
        """The condition as a dict that JSON can hold."""
        return {"kind": self.kind, "names": list(self.names), "frequencies": list(self.frequencies)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Condition:
        """Reads what `to_dict` wrote.

        Raises:
          UserError: a key is missing, or a value is invalid.
        """
        try:
            kind, names = values["kind"], tuple(str(name) for name in values["names"])
            frequencies = tuple(float(value) for value in values.get("frequencies", ()))
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"condition: cannot be read ({error!r}); expected kind, names and frequencies.") from error
        if kind not in KINDS or not names or len(frequencies) not in (0, len(names)):
            raise UserError(
                f"condition: got {dict(values)!r}, expected kind label or attributes, names, and no frequencies or one "
                "for each name."
            )
        return cls(kind, names, frequencies)

    def _are_labels(self, y: np.ndarray, count: int) -> bool:
        if y.shape == (count,) == (self.size,) and y.dtype.kind == "f":
            return _whole(y)  # otherwise a row of probabilities for all examples
        return y.shape in ((), (count,))

    def _are_probabilities(self, rows: np.ndarray) -> bool:
        rounding = self.size * np.finfo(np.float32).eps
        return rows.min(initial=0) >= 0 and rows.sum(axis=1).max(initial=0) <= 1 + rounding

    def _expected(self, count: int) -> str:
        labels = f"[{count}] labels or " if self.kind == "label" else ""
        return f"{labels}finite numbers of shape [{count}, {self.size}], for {', '.join(self.names[:8])}"

    def _one_hot(self, y: np.ndarray) -> np.ndarray:
        fractions = y.dtype.kind == "f" and not _whole(y)
        labels, names = (y, None) if fractions else arrays.labels(y, len(y), "y")
        if names is not None:
            unknown = [name for name in names if name not in self.names]
            if unknown:
                hint = nearest(unknown[0], self.names)
                raise UserError(f"y: unknown label {unknown[0]!r}{hint}. Labels: {', '.join(self.names)}.")
            labels = np.array([self.names.index(name) for name in names], np.int64)[labels]
        if fractions or labels.min(initial=0) < -1 or labels.max(initial=0) >= self.size:
            raise UserError(
                f"y: got {labels.dtype} from {labels.min()} to {labels.max()}, expected labels 0 to {self.size - 1}, "
                "or -1 for an unlabelled example."
            )
        return np.vstack([np.eye(self.size, dtype=np.float32), np.zeros((1, self.size), np.float32)])[labels]


def of_split(kind: str, y: np.ndarray | None, names: tuple[str, ...] | None, attributes: tuple[str, ...]) -> Condition:
    """The condition that `network.condition` selects, from the training examples.

    Args:
      kind: "label" or "attributes".
      y: labels of the training examples, or None.
      names: of the labels, or None.
      attributes: names of the attributes.

    Raises:
      UserError: the data have no labels or no attributes, whichever is needed.
    """
    if kind == "attributes":
        if not attributes:
            raise UserError(
                "network.condition: got attributes, but the data have none (for a CSV, set data.attributes=[COLUMN])."
            )
        return Condition(kind, attributes)
    if y is None:
        raise UserError("network.condition: got label, but the data have no labels (for a CSV, set data.label=COLUMN).")
    return of_labels(y, names)


def of_labels(labels: np.ndarray, names: tuple[str, ...] | None) -> Condition:
    """The condition of integer labels `[n]`, -1 for unlabelled, with their frequencies.

    Example:
      >>> of_labels(np.array([0, 1, 1, 1]), None).frequencies
      (0.25, 0.75)
    """
    if labels.min(initial=0) < -1:
        raise UserError(f"y: got the label {labels.min()}, expected 0 or more, or -1 for an unlabelled example.")
    known = labels[labels >= 0]
    if not len(known):
        raise UserError("y: no example has a label; label at least one, or set network.condition=none.")
    size = len(names) if names else int(known.max()) + 1
    if known.max() >= size:
        raise UserError(
            f"y: got the label {known.max()}, expected labels 0 to {size - 1}, or -1 for an unlabelled example."
        )
    counts = np.bincount(known, minlength=size)
    return Condition("label", names or tuple(map(str, range(size))), tuple((counts / counts.sum()).tolist()))


def _whole(values: np.ndarray) -> bool:
    return bool((values == np.rint(values)).all())
