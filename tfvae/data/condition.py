"""What a model is conditioned on: class labels as one-hot rows, or attributes as they come."""

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
      frequencies: of the labels in the training examples, by which `sample(n)` draws them; empty for attributes.
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
          y: of each example, or one for all: labels as integers (-1: unlabelled) or names, or rows of C numbers.
          count: how many examples there are.

        Raises:
          UserError: another shape, or a label that there is not.

        Example:
          >>> Condition("label", ("cat", "dog")).encode("dog", 2).tolist()
          [[0.0, 1.0], [0.0, 1.0]]
        """
        y = np.asarray(y)
        one = y.shape == () or (y.dtype.kind == "f" and y.shape == (self.size,))
        rows = np.broadcast_to(y, (count, *y.shape)) if one else y
        if self.kind == "label" and rows.shape == (count,):
            return self._one_hot(rows)
        if rows.shape != (count, self.size) or rows.dtype.kind not in "biuf" or not np.isfinite(rows).all():
            wanted = f"[{count}] labels or " if self.kind == "label" else ""
            raise UserError(
                f"y: got {rows.dtype} of shape {list(y.shape)}, want {wanted}finite numbers of shape "
                f"[{count}, {self.size}], for {', '.join(self.names[:8])}."
            )
        return np.asarray(rows, np.float32)

    def draw(self, seed: int, count: int) -> np.ndarray:
        """Labels by their training frequencies, float32 `[count, C]`; sample i at example i of purpose 7.

        Raises:
          UserError: attributes, which have no frequencies.
        """
        if self.kind != "label":
            raise UserError(
                f"sample: the model is conditioned on {', '.join(self.names)}; pass y, as in sample(n, y=…)."
            )
        uniform = noise.uniform(noise.Address(seed, noise.LABELS), [count])[0].numpy().astype(np.float64)
        edges = np.cumsum(self.frequencies) / np.sum(self.frequencies)
        return np.eye(self.size, dtype=np.float32)[np.searchsorted(edges[:-1], uniform, side="right")]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"kind": self.kind, "names": list(self.names), "frequencies": list(self.frequencies)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Condition:
        """Reads what `to_dict` wrote.

        Raises:
          UserError: a key is missing, or a value is not what it must be.
        """
        try:
            kind, names = values["kind"], tuple(str(name) for name in values["names"])
            frequencies = tuple(float(part) for part in values.get("frequencies", ()))
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"condition: cannot be read ({error!r}); want kind, names and frequencies.") from error
        if kind not in KINDS or not names or len(frequencies) not in (0, len(names)):
            raise UserError(f"condition: got {dict(values)!r}, want kind label or attributes, with a name for each.")
        return cls(kind, names, frequencies)

    def _one_hot(self, labels: np.ndarray) -> np.ndarray:
        if labels.dtype.kind in "US":
            unknown = [label for label in labels if label not in self.names]
            if unknown:
                hint = nearest(str(unknown[0]), self.names)
                raise UserError(f"y: no label {str(unknown[0])!r}{hint}. There are: {', '.join(self.names)}.")
            labels = np.array([self.names.index(label) for label in labels])
        if labels.dtype.kind == "f" and (labels == np.rint(labels)).all():
            labels = labels.astype(np.int64)
        if labels.dtype.kind not in "iu" or labels.min(initial=0) < -1 or labels.max(initial=0) >= self.size:
            raise UserError(
                f"y: got {labels.dtype} from {labels.min()} to {labels.max()}, want labels 0 to {self.size - 1}, or -1 "
                "for an unlabelled example."
            )
        return np.vstack([np.eye(self.size, dtype=np.float32), np.zeros((1, self.size), np.float32)])[labels]


def of_split(kind: str, y: np.ndarray | None, names: tuple[str, ...] | None, attributes: tuple[str, ...]) -> Condition:
    """The condition that `network.condition` names, from the training examples.

    Args:
      kind: "label" or "attributes".
      y: labels of the training examples, or None.
      names: of the labels, or None.
      attributes: names of the attributes.

    Raises:
      UserError: the data have no labels, or no attributes.
    """
    if kind == "attributes":
        if not attributes:
            raise UserError("network.condition: got attributes, and the data have none; name them in data.attributes.")
        return Condition(kind, attributes)
    if y is None:
        raise UserError("network.condition: got label, and the data have no labels (in a CSV: data.label=COLUMN).")
    return of_labels(y, names)


def of_labels(labels: np.ndarray, names: tuple[str, ...] | None) -> Condition:
    """The condition of integer labels `[n]`, -1 for unlabelled, with their frequencies.

    Example:
      >>> of_labels(np.array([0, 1, 1, 1]), None).frequencies
      (0.25, 0.75)
    """
    known = labels[labels >= 0]
    if not len(known):
        raise UserError("y: no example has a label; want at least one, or network.condition=none.")
    size = len(names) if names else int(known.max()) + 1
    counts = np.bincount(known, minlength=size)
    return Condition("label", names or tuple(map(str, range(size))), tuple((counts / counts.sum()).tolist()))
