"""How far a model is trained, and on which values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfvae.data.scaling import Scaling
from tfvae.data.splits import Split


@dataclass(frozen=True)
class Trained:
    """What a model remembers of its training, so that the next `fit` goes on from there.

    Attributes:
      steps: training steps so far: the address of the next step's noise, and the place in the schedules.
      orders: epochs so far, complete or not: the address of the next epoch's order.
      low: the lowest value of the last training examples, in model units; None: not known.
      high: the highest.
    """

    steps: int = 0
    orders: int = 0
    low: float | None = None
    high: float | None = None


def range_of(split: Split, scaling: Scaling) -> tuple[float, float] | tuple[None, None]:
    """The lowest and the highest of a split's values in model units, as far as they are known without reading files."""
    if split.ends is None:
        return (0.0, 1.0) if len(split) and scaling.kind in ("unit", "min-max") else (None, None)
    # A scaling may differ from column to column, but always rises.
    ends = np.asarray(scaling.forward(split.ends))
    return (float(np.nanmin(ends)), float(np.nanmax(ends))) if np.isfinite(ends).any() else (None, None)
