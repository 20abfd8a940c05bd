"""The outputs of encoders and decoders, the same for every family.

They run in float32 (float64 under a float64 policy) whatever the precision of the layers before them, and are made of
built-in Keras layers alone, so that a saved network needs nothing of tfvae.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from tfvae.networks import checks

Shape = tuple[int, ...]
Parameters = Sequence[str] | Mapping[str, Shape]

LOG_SCALE_RANGE = (
    -7.0,
    7.0,
)  # scales from 1/1100 to 1100 model units: finer than a step of 8 bits, coarser than 3 sigma


def dtype() -> str:
    """float64 where the variables are, else float32."""
    return "float64" if keras.config.dtype_policy().variable_dtype == "float64" else "float32"


def small() -> keras.initializers.Initializer:
    """Starts an output near zero, yet lets the gradient through: variance 1 / (100 fan_in)."""
    return keras.initializers.VarianceScaling(0.01, "fan_in", "truncated_normal")


def image_or_vector(shape: tuple[int, ...], name: str) -> Any:
    """The input of a network."""
    return keras.Input(shape, dtype=dtype(), name=name)


def latent(features: Any, outputs: Mapping[str, Shape], z_log_var_range: tuple[float, float]) -> list[Any]:
    """The encoder's outputs in order, from `[batch, features]`, or from a grid for outputs `[h, w, c]`.

    At the start z_log_var is near 0. z_mean is of order 1, as Keras's own initialiser has it: starting that near 0 too
    cost 3.7 nats after 6 epochs of MNIST with 20 dimensions (110.6 against 107.0, one seed).

    Args:
      features: of the last hidden layer.
      outputs: names and shapes, as the posterior reads them; `z_log_var` is kept within bounds.
      z_log_var_range: those bounds.

    Returns:
      Tensors `[batch, *shape]`.
    """
    low, high = checks.bounds(z_log_var_range)

    def head(name: str, shape: Shape, **options: Any) -> Any:
        if len(shape) == 1:
            return keras.layers.Dense(shape[0], dtype=dtype(), name=name, **options)(features)
        return keras.layers.Conv2D(shape[-1], 1, dtype=dtype(), name=name, **options)(features)

    def output(name: str, shape: Shape) -> Any:
        if name != "z_log_var":
            return head(name, shape)
        return smooth_bound(head(f"{name}_raw", shape, kernel_initializer=small()), low, high, name)

    return [output(name, shape) for name, shape in outputs.items()]


def gaussian(latent_shape: Shape) -> dict[str, Shape]:
    """The outputs that a Gaussian posterior reads."""
    return {"z_mean": latent_shape, "z_log_var": latent_shape}


def onto_grid(z: Any, grid: tuple[int, int], filters: int, activation: str | None = None) -> Any:
    """Features `[batch, height, width, filters]` from a vector, or from latents that lie on the grid already."""
    if len(z.shape) > 2:
        return keras.layers.Conv2D(filters, 3, padding="same", activation=activation, name="grid")(z)
    flat = keras.layers.Dense(grid[0] * grid[1] * filters, activation, name="grid_flat")(z)
    return keras.layers.Reshape((*grid, filters), name="grid")(flat)


def smooth_bound(x: Any, low: float, high: float, name: str) -> Any:
    """x inside `[low, high]`: the identity well within, and smooth, monotone and finite everywhere, at ±inf too.

        y = floor + softplus(x - floor);  x' = high - softplus(high - y);  floor = high - log(exp(high - low) - 1)

    The floor is such that -inf gives exactly `low`; it is `low` itself unless the range is narrow.
    """
    span = high - low
    floor = high - (span + math.log(-math.expm1(-span)))
    x = _affine(x, 1.0, -floor, f"{name}_above")
    x = _softplus(x, f"{name}_floor")
    x = _affine(x, -1.0, high - floor, f"{name}_below")
    x = _softplus(x, f"{name}_ceiling")
    return _affine(x, -1.0, high, name)


def outputs(parameters: Mapping[str, Shape], head: Callable[[str, Shape], Any]) -> Any:
    """The decoder's result: one tensor for one parameter, else a dict; `log_scale` is kept in LOG_SCALE_RANGE.

    Args:
      parameters: names and shapes, as the likelihood reads them.
      head: makes the output tensor of one parameter; its last layer is named so.
    """

    def output(name: str, shape: Shape) -> Any:
        if name != "log_scale":
            return head(name, shape)
        return smooth_bound(head(f"{name}_raw", shape), *LOG_SCALE_RANGE, name)

    tensors = {name: output(name, shape) for name, shape in parameters.items()}
    return tensors if len(tensors) > 1 else next(iter(tensors.values()))


def _affine(x: Any, scale: float, offset: float, name: str) -> Any:
    # One offset a channel: TFLite's converter folds a lone number into the bias of a convolution, which then has the
    # wrong length, and the file does not run.
    return keras.layers.Rescaling(scale, [offset] * x.shape[-1], dtype=dtype(), name=name)(x)


def _softplus(x: Any, name: str) -> Any:
    return keras.layers.Activation("softplus", dtype=dtype(), name=name)(x)
