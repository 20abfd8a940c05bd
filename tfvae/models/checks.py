"""Whether the parts of a model fit together, said at construction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.config import Objective, nearest
from tfvae.data.scaling import Scaling
from tfvae.data.splits import DataSet
from tfvae.errors import UserError


def latent_dim(encoder: Any) -> int:
    """The latent dimension that the encoder gives.

    Raises:
      UserError: its outputs are not `[z_mean, z_log_var]`, both `[batch, latent]`.
    """
    outputs = encoder.outputs
    shapes = [tuple(output.shape) for output in outputs]
    if len(shapes) != 2 or shapes[0] != shapes[1] or len(shapes[0]) != 2 or not shapes[0][1]:
        raise UserError(
            f"encoder: got outputs of shapes {shapes}, want two, [z_mean, z_log_var], each [batch, latent]."
        )
    return int(shapes[0][1])


def parts(encoder: Any, decoder: Any, prior: Any, likelihood: Any) -> None:
    """Raises:
    UserError: encoder, decoder, prior and likelihood do not fit together.
    """
    size, event = latent_dim(encoder), tuple(encoder.input_shape[1:])
    if tuple(decoder.input_shape[1:]) != (size,):
        raise UserError(f"decoder: takes {decoder.input_shape}, the encoder gives [batch, {size}]; want them equal.")
    if not hasattr(prior, "latent_dim"):
        kinds = "a StandardNormal, DiagonalNormal or CorrelatedNormal"
        raise UserError(f"prior: got {prior!r}, want {kinds} of {size} dimensions.")
    if prior.latent_dim != size:
        raise UserError(f"prior: has {prior.latent_dim} dimensions, the encoder {size}; want them equal.")
    # Not `output_shape`, which gives a list, without the names, where the outputs are a dictionary.
    shapes = decoder.compute_output_shape(decoder.input_shape)
    named = shapes if isinstance(shapes, dict) else {likelihood.parameters[0]: shapes}
    if set(named) != set(likelihood.parameters):
        want = ", ".join(likelihood.parameters)
        raise UserError(f"decoder: gives {', '.join(named)}; {type(likelihood).__name__} wants the outputs {want}.")
    for name, shape_ in named.items():
        if tuple(shape_[1:]) != event:
            raise UserError(f"decoder: {name} has shape {tuple(shape_)}, an example {event}; want them equal.")


def shape(got: Any, event: tuple[int, ...], what: str = "x") -> None:
    """Raises:
    UserError: the examples have another shape than the model's.
    """
    got = tf.TensorShape(got)
    if got.rank is None or got.rank != len(event) + 1 or not got[1:].is_compatible_with(event):
        wanted = ", ".join(str(size) for size in event)
        raise UserError(f"{what}: got shape {got}, want [batch, {wanted}].")


def objective(settings: Objective) -> None:
    """Raises:
    UserError: parts of the objective that exclude each other.
    """
    if settings.importance_weighted and (settings.free_bits > 0 or settings.capacity is not None):
        name = "free_bits" if settings.free_bits > 0 else "capacity"
        raise UserError(
            f"objective.importance_weighted: the bound has no KL of its own for objective.{name} to act on; want one "
            "or the other."
        )


_FIT = ("accumulation", "clip_norm", "early_stopping", "jit", "on_nonfinite", "steps_per_call")
_COMPILED = ("optimizer", "learning_rate", "learning_rate_schedule", "learning_rate_warmup", "weight_decay", "ema")


def fit_arguments(given: Iterable[str], compiled: bool) -> None:
    """Raises:
    UserError: `fit` has no such argument, or `compile` has said it already.
    """
    for name in given:
        if name in _COMPILED and compiled:
            raise UserError(f"fit: got {name}, but compile chose the optimizer; say it there, or do not call compile.")
        if name not in (*_FIT, *_COMPILED):
            hint, known = nearest(name, (*_FIT, *_COMPILED)), ", ".join((*_FIT, *_COMPILED))
            raise UserError(f"fit: no argument {name}{hint}. Beside those of its signature there are {known}.")


def support(data: DataSet, binarize: str, likelihood: Any) -> None:
    """Raises:
    UserError: examples of a split leave the range of the likelihood.
    """
    if binarize != "none":
        return
    for name in ("train", "validation", "test"):
        x = getattr(data, name).x
        if isinstance(x, np.ndarray):
            values(x, data.scaling, likelihood, f"{name} data")


def values(x: np.ndarray, scaling: Scaling, likelihood: Any, what: str = "x") -> None:
    """Raises:
    UserError: examples in the user's units leave the range of the likelihood; NaN is let through, to its own result.
    """
    if likelihood.support is None or not len(x):
        return
    extremes = scaling.forward(np.stack([np.fmin.reduce(x), np.fmax.reduce(x)]))
    if not np.isfinite(extremes).any():
        return
    low, high = float(np.nanmin(extremes)), float(np.nanmax(extremes))
    least, most = likelihood.support
    if low < least - 1e-6 or high > most + 1e-6:
        kind = type(likelihood).__name__
        raise UserError(
            f"{what}: goes from {low:.4g} to {high:.4g} in model units, and {kind} wants [{least:g}, {most:g}]: take a "
            "Gaussian (likelihood.name=gaussian), or scale it (data.scaling=min-max; in Python x / 255, say)."
        )
