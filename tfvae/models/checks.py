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
from tfvae.latent.priors import Prior
from tfvae.networks import calling


def latent_shape(encoder: Any, posterior: Any) -> tuple[int, ...]:
    """The shape of z for one example, as the encoder gives it and the posterior reads it.

    Raises:
      UserError: the encoder's outputs are not those of the posterior.
    """
    names = list(posterior.outputs((1,)))
    shapes = calling.output_shapes(encoder, names)
    # Shapes are compared with those that the posterior asks for at the latent shape that it sees in them.
    if set(shapes) == set(names) and all(all(shape) and shape for shape in shapes.values()):
        latent = tuple(posterior.latent_shape(shapes))
        if shapes == posterior.outputs(latent):
            return latent
    got = ", ".join(f"{name} {[None, *shape]}" for name, shape in shapes.items())
    wanted = ", ".join(f"{name} [batch, {', '.join(map(str, shape))}]" for name, shape in _example(posterior).items())
    kind = type(posterior).__name__
    raise UserError(f"encoder: got the outputs {got}; {kind} reads {wanted} with D of your choice.")


def _example(posterior: Any) -> dict[str, tuple[Any, ...]]:
    return posterior.outputs(("D",))


def parts(model: Any) -> int | None:
    """Checks that encoder, posterior, prior, decoder and likelihood fit together.

    Returns:
      C of the condition y `[batch, C]`, or None where no part takes one.

    Raises:
      UserError: they do not.
    """
    latent, event = model.latent_shape, model.event_shape
    decoder, prior, likelihood = model.decoder, model.prior, model.likelihood
    if calling.input_shape(decoder) != latent:
        given = ", ".join(map(str, latent))
        raise UserError(f"decoder: takes {decoder.input_shape}, the encoder gives [batch, {given}]; want them equal.")
    if not isinstance(prior, Prior):
        kinds = "a Prior such as StandardNormal, DiagonalNormal or CorrelatedNormal"
        raise UserError(f"prior: got {prior!r}, want {kinds}, of z [{', '.join(map(str, latent))}].")
    if prior.latent_shape != latent:
        raise UserError(
            f"prior: has {_dimensions(prior.latent_shape)}, the encoder {_dimensions(latent)}; want them equal."
        )
    wanted = likelihood.outputs(event)
    shapes = calling.output_shapes(decoder, list(wanted))
    kind = type(likelihood).__name__
    if set(shapes) != set(wanted):
        raise UserError(f"decoder: gives {', '.join(shapes)}; {kind} wants the outputs {', '.join(wanted)}.")
    for name, shape_ in shapes.items():
        if shape_ != tuple(wanted[name]):
            raise UserError(f"decoder: {name} has shape {(None, *shape_)}, {kind} wants {tuple(wanted[name])} of it.")
    sizes = {
        "encoder": calling.condition_size(model.encoder),
        "decoder": calling.condition_size(decoder),
        "prior": prior.condition_size,
    }
    found = {name: size for name, size in sizes.items() if size is not None}
    if len(set(found.values())) > 1:
        said = ", ".join(f"{name} {size}" for name, size in found.items())
        raise UserError(f"condition: the parts take y of different sizes ({said}); want one size.")
    return next(iter(found.values()), None)


def condition(condition: Any, size: int | None) -> None:
    """Raises:
    UserError: the condition is not of the size that the networks take.
    """
    if condition is None:
        return
    if size is None:
        raise UserError(f"condition: got {condition.kind}, but no network and no prior takes y.")
    if condition.size != size:
        raise UserError(f"condition: has {condition.size} values ({condition.kind}), the networks take {size}.")


def optimizer_names(given: Iterable[str], there: list[str]) -> None:
    """Raises:
    UserError: an optimizer for an objective that there is not, or none for the main one.
    """
    for name in given:
        if name not in there:
            raise UserError(f"compile: no objective {name!r}{nearest(name, there)}. There are: {', '.join(there)}.")
    if there[0] not in given:
        raise UserError(f"compile: got no optimizer for {there[0]!r}, the main objective; want one for it.")


def _dimensions(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} dimensions" if len(shape) == 1 else f"latents [{', '.join(map(str, shape))}]"


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
_COMPILED = (
    "optimizer",
    "optimizers",
    "learning_rate",
    "learning_rate_schedule",
    "learning_rate_warmup",
    "weight_decay",
    "ema",
)


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
