"""The condition y of a model: class labels as one-hot rows, or numeric attributes unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfvae import noise
from tfvae.config import nearest
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
          count: number of examples.

        Raises:
          UserError: y has the wrong shape, or holds an unknown label.

        Example:
          >>> Condition("label", ("cat", "dog")).encode("dog", 2).tolist()
          [[0.0, 1.0], [0.0, 1.0]]
        """
        y = np.asarray(y)
        shared = y.shape == () or (y.dtype.kind == "f" and y.shape == (self.size,))
        rows = np.broadcast_to(y, (count, *y.shape)) if shared else y
        if self.kind == "label" and rows.shape == (count,):
            return self._one_hot(rows)
        if rows.shape != (count, self.size) or rows.dtype.kind not in "biuf" or not np.isfinite(rows).all():
            labels = f"[{count}] labels or " if self.kind == "label" else ""
            raise UserError(
                f"y: got {rows.dtype} of shape {list(y.shape)}, expected {labels}finite numbers of shape "
                f"[{count}, {self.size}], for {', '.join(self.names[:8])}."
            )
        return np.asarray(rows, np.float32)

    def draw(self, seed: int, count: int) -> np.ndarray:
        """Labels drawn with their training frequencies, float32 `[count, C]`; sample i is example i of purpose 7.

        Raises:
          UserError: the condition is attributes, which have no frequencies.
        """
        if self.kind != "label":
            raise UserError(
                f"sample: the model is conditioned on {', '.join(self.names)}; pass y, as in sample(n, y=…)."
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

    def _one_hot(self, labels: np.ndarray) -> np.ndarray:
        if labels.dtype.kind in "US":
            unknown = [label for label in labels if label not in self.names]
            if unknown:
                hint = nearest(str(unknown[0]), self.names)
                raise UserError(f"y: unknown label {str(unknown[0])!r}{hint}. Labels: {', '.join(self.names)}.")
            labels = np.array([self.names.index(label) for label in labels])
        if labels.dtype.kind == "f" and (labels == np.rint(labels)).all():
            labels = labels.astype(np.int64)
        if labels.dtype.kind not in "iu" or labels.min(initial=0) < -1 or labels.max(initial=0) >= self.size:
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
            raise UserError("network.condition: got attributes, but the data have none; set data.attributes.")
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
    known = labels[labels >= 0]
    if not len(known):
        raise UserError("y: no example has a label; label at least one, or set network.condition=none.")
    size = len(names) if names else int(known.max()) + 1
    counts = np.bincount(known, minlength=size)
    return Condition("label", names or tuple(map(str, range(size))), tuple((counts / counts.sum()).tolist()))
