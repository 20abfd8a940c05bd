"""How far two results may lie apart by rounding alone."""

from __future__ import annotations

import math
from typing import Any

import keras
import ml_dtypes

# What docs/export.md allows between float32 normals of one address.
NOISE = 2e-6


def rounding(dtype: str, terms: int = 1, size: Any = 1.0) -> Any:
    """The largest difference that rounding makes between two computations of a sum, absolute.

    With unit roundoff u = ε/2 a sum of n terms xᵢ, in any order, is off by at most (n - 1) u Σ|xᵢ| to first order
    (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 4.2). If each term comes of k roundings, that
    is (n - 1 + k) u Σ|xᵢ|, and twice as much between two computations:

        ε (n + k) Σ|xᵢ|,  k = 8: a few operations, and an exp or log whose error is 4 units in the last place.

    Args:
      dtype: of the less precise computation.
      terms: n.
      size: Σ|xᵢ|, or what it cannot exceed; an array gives an array. With 1.0 the bound is relative, if all
        terms have one sign.
    """
    return float(ml_dtypes.finfo(dtype).eps) * (terms + 8) * size


def fan_in(*models: keras.Model) -> int:
    """The terms of all sums on the way through networks: the inputs of one unit of each layer, added up.

    `rounding(dtype, fan_in(model), size)` bounds the error of an output if `size` is the largest Σ|wᵢ aᵢ| of a layer
    and no layer enlarges the errors that it is given, about as initial weights behave.
    """
    kernels = [weight.shape for model in models for weight in model.weights if len(weight.shape) > 1]
    return sum(math.prod(kernel[:-1]) for kernel in kernels)
