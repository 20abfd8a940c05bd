"""Whether the parts of a model fit together, said at construction."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.config import Objective
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


def support(data: DataSet, binarize: str, likelihood: Any) -> None:
    """Raises:
    UserError: the training examples leave the range of the likelihood.
    """
    x = data.train.x
    if likelihood.support is None or binarize != "none" or not isinstance(x, np.ndarray):
        return
    extremes = data.scaling.forward(np.stack([x.min(axis=0), x.max(axis=0)]))
    low, high = float(extremes.min()), float(extremes.max())
    least, most = likelihood.support
    if low < least - 1e-6 or high > most + 1e-6:
        kind = type(likelihood).__name__
        raise UserError(
            f"data: x goes from {low:.4g} to {high:.4g} in model units, and {kind} wants [{least:g}, {most:g}]: "
            "take likelihood.name=gaussian, or data.scaling=min-max."
        )
