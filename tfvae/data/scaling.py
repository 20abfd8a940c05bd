"""The user's units to model units and back: model = (x - offset) / factor, fitted on the training split only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.errors import UserError

KINDS = ("none", "unit", "min-max", "z-score")


@dataclass(frozen=True, eq=False)
class Scaling:
    """An invertible map between the user's units and the model's.

    Attributes:
      kind: "none", "unit", "min-max" or "z-score".
      offset: float64, broadcastable to one example.
      factor: float64, broadcastable to one example, positive.
      integer: the user's units are whole numbers 0 to 255 (0 to `factor` under "unit"), stored as uint8, or as uint16
        beyond 255.
    """

    kind: str
    offset: np.ndarray
    factor: np.ndarray
    integer: bool = False

    @classmethod
    def identity(cls) -> Scaling:
        """No scaling: model units are the user's units."""
        return cls("none", np.zeros(()), np.ones(()))

    @property
    def largest(self) -> float:
        """The largest value in the user's units, where these are whole numbers."""
        return float(self.factor) if self.kind == "unit" else 255.0

    @property
    def dtype(self) -> str:
        """The dtype of whole numbers in the user's units."""
        return "uint8" if self.largest <= 255 else "uint16"

    def forward(self, x: Any, dtype: str | tf.DType = "float32") -> Any:
        """`(x - offset) / factor`.

        Args:
          x: `[batch, …]` in the user's units, NumPy array or Tensor.
          dtype: of the result; float32 or float64.

        Returns:
          Model units, same shape: a NumPy array for an array, a Tensor for a Tensor.
        """
        tensor = tf.is_tensor(x)
        final = tf.as_dtype(dtype) if tensor else tf.as_dtype(dtype).as_numpy_dtype
        cast = tf.cast if tensor else np.asarray
        x = x if tensor else np.asarray(x)
        if self.kind == "none":
            return cast(x, final)
        # An offset may be far larger than the spread (years, timestamps): float32 would lose the difference. In a graph
        # the division becomes a product, which in float32 can exceed 1 at the maximum; for 16, 255 and 65535 it does
        # not.
        work = final if self.kind == "unit" and self.integer else np.float64
        return cast((cast(x, work) - cast(self.offset, work)) / cast(self.factor, work), final)

    def inverse(self, x: Any) -> np.ndarray:
        """`x * factor + offset`, in the user's units.

        Args:
          x: `[batch, …]` in model units.

        Returns:
          `dtype`, rounded half to even and clipped, if the user's units are whole numbers; else x's own floats under
          "none", and float64 otherwise.
        """
        x = np.asarray(x)
        user = x if self.kind == "none" else x.astype(np.float64) * self.factor + self.offset
        if not self.integer:
            return user
        return np.clip(np.rint(user), 0, self.largest).astype(self.dtype)

    def inverse_in_graph(self, x: tf.Tensor, dtype: tf.DType = tf.float64) -> tf.Tensor:
        """`inverse` of TensorFlow ops that TFLite has too.

        Args:
          x: `[batch, …]` float32, in model units.
          dtype: of the arithmetic, and of a result that is not of whole numbers; "none" leaves float32 as it is.
        """
        if dtype == tf.float32:
            # Else the converter folds the offset into the last layer, whose products then round at the offset's size.
            x = tf.maximum(x, tf.float32.min)
        if self.kind != "none":
            x = tf.cast(x, dtype) * tf.constant(self.factor, dtype) + tf.constant(self.offset, dtype)
        if not self.integer:
            return x
        return tf.cast(tf.minimum(tf.maximum(tf.round(x), 0.0), self.largest), self.dtype)

    def to_dict(self) -> dict[str, Any]:
        """Lists and numbers that JSON can hold; `from_dict` restores every bit."""
        arrays = {"offset": self.offset.tolist(), "factor": self.factor.tolist()}
        return {"kind": self.kind, **arrays, "integer": bool(self.integer)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Scaling:
        """Reads what `to_dict` wrote.

        Raises:
          UserError: a key is missing, or a value is invalid.
        """
        try:
            kind, integer = values["kind"], values["integer"]
            offset, factor = (np.asarray(values[key], np.float64) for key in ("offset", "factor"))
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"scaling: cannot be read ({error!r}); expected kind, offset, factor and integer."
            ) from error
        if kind not in KINDS or not isinstance(integer, bool):
            raise UserError(
                f"scaling: got kind {kind!r} and integer {integer!r}; kind must be one of {', '.join(KINDS)}, and "
                "integer must be true or false."
            )
        if not (np.isfinite(offset).all() and np.isfinite(factor).all() and (factor > 0).all()):
            raise UserError("scaling: offset and factor must be finite, and factor must be positive.")
        return cls(kind, offset, factor, integer)


def fit(kind: str, x: np.ndarray, unit_maximum: float = 255.0) -> Scaling:
    """Fits a scaling to the training examples.

    Tables `[n, columns]` are scaled by column, everything else by one number. A constant column becomes 0.

    Args:
      kind: one of `KINDS`, or "auto": unit for uint8 beyond 127, none for floats within [0, 1], else min-max.
      x: training examples `[n, …]`, finite, in the user's units.
      unit_maximum: value that becomes 1 under "unit".

    Raises:
      UserError: the values are out of range for the kind.

    Example:
      >>> float(fit("unit", np.array([[0], [255]], np.uint8)).factor)
      255.0
    """
    low, high = x.min(), x.max()
    if kind == "auto":
        within = x.dtype.kind == "f" and low >= 0 and high <= 1
        # 8-bit images reach past 127; uint8 that does not is binary, or on a smaller scale, and 255 would compress it.
        kind = "unit" if x.dtype == np.uint8 and high > 127 else "none" if within else "min-max"
    if kind == "none":
        return Scaling(kind, np.zeros(()), np.ones(()), x.dtype == np.uint8)
    if kind == "unit":
        return _unit(x, low, high, unit_maximum)
    axis = 0 if x.ndim == 2 else None
    with np.errstate(over="ignore", invalid="ignore"):
        offset = x.min(axis=axis).astype(np.float64)
        spread = factor = x.max(axis=axis).astype(np.float64) - offset
        if kind == "z-score":
            # Moments of (x - minimum) / spread, because those of x itself overflow or underflow long before x does.
            relative = (x - offset) / np.where(spread > 0, spread, 1.0)
            offset = offset + spread * relative.mean(axis=axis)
            factor = spread * relative.std(axis=axis)
    if not (np.isfinite(spread).all() and np.isfinite(offset).all() and np.isfinite(factor).all()):
        raise UserError(f"data.scaling {kind}: values from {low:g} to {high:g} overflow; rescale the data first.")
    return Scaling(kind, np.asarray(offset), np.asarray(np.where(factor > 0, factor, 1.0)), x.dtype == np.uint8)


def _unit(x: np.ndarray, low: Any, high: Any, maximum: float) -> Scaling:
    if low < 0 or high > maximum:
        raise UserError(
            f"data.scaling unit: got values from {low:g} to {high:g}, expected 0 to {maximum:g}; "
            "use min-max or z-score."
        )
    if x.dtype.kind == "f" and high <= 1:
        maximum = 1.0
    return Scaling("unit", np.zeros(()), np.asarray(maximum, np.float64), x.dtype.kind in "iu")
