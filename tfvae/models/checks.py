"""Checks that the parts of a model fit together, made at construction."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import tensorflow as tf

from tfvae.config import Objective
from tfvae.data.condition import Condition
from tfvae.data.scaling import Scaling
from tfvae.data.splits import DataSet, Split
from tfvae.errors import UserError
from tfvae.latent.priors import Prior
from tfvae.models.trained import range_of
from tfvae.networks import calling, given

_FAR = 10.0  # ranges; an outlier is far outside too, and a threshold of one range would call it another unit


def latent_shape(encoder: Any, posterior: Any) -> tuple[int, ...]:
    """The shape of z for one example, which the posterior reads from the encoder's outputs.

    Raises:
      UserError: the encoder's outputs are not those that the posterior needs.
    """
    names = list(posterior.outputs((1,)))
    shapes = calling.output_shapes(encoder, names)
    # The posterior infers a latent shape from the outputs; they must be exactly those that it needs for that shape.
    if set(shapes) == set(names) and all(all(shape) and shape for shape in shapes.values()):
        latent = tuple(posterior.latent_shape(shapes))
        if shapes == posterior.outputs(latent):
            return latent
    got = ", ".join(f"{name} {[None, *shape]}" for name, shape in shapes.items())
    needed = ", ".join(f"{name} [batch, {', '.join(map(str, shape))}]" for name, shape in _example(posterior).items())
    kind = type(posterior).__name__
    raise UserError(f"encoder: got the outputs {got}; {kind} needs {needed}, for any D.")


def _example(posterior: Any) -> dict[str, tuple[Any, ...]]:
    return posterior.outputs(("D",))


def parts(model: Any) -> int | None:
    """Checks that encoder, posterior, prior, decoder and likelihood fit together.

    Returns:
      C of the condition y `[batch, C]`, or None if no part has the input y.

    Raises:
      UserError: they do not.
    """
    latent, event = model.latent_shape, model.event_shape
    decoder, prior, likelihood = model.decoder, model.prior, model.likelihood
    if calling.input_shape(decoder) != latent:
        sizes_ = ", ".join(map(str, latent))
        raise UserError(
            f"decoder: its input shape is {decoder.input_shape}, but the encoder outputs [batch, {sizes_}]; make them "
            "equal."
        )
    if not isinstance(prior, Prior):
        kinds = "a Prior such as StandardNormal, DiagonalNormal or CorrelatedNormal"
        raise UserError(f"prior: got {prior!r}, expected {kinds}, of z [{', '.join(map(str, latent))}].")
    if prior.latent_shape != latent:
        raise UserError(
            f"prior: has {_dimensions(prior.latent_shape)}, but the encoder has {_dimensions(latent)}; make them equal."
        )
    needed = likelihood.outputs(event)
    shapes = calling.output_shapes(decoder, list(needed))
    kind = type(likelihood).__name__
    if set(shapes) != set(needed):
        raise UserError(f"decoder: has the outputs {', '.join(shapes)}; {kind} needs {', '.join(needed)}.")
    for name, shape_ in shapes.items():
        if shape_ != tuple(needed[name]):
            raise UserError(f"decoder: {name} has shape {(None, *shape_)}, but {kind} needs {(None, *needed[name])}.")
    given.endings(decoder, list(needed), kind)
    sizes = {
        "encoder": calling.condition_size(model.encoder),
        "decoder": calling.condition_size(decoder),
        "prior": prior.condition_size,
    }
    found = {name: size for name, size in sizes.items() if size is not None}
    if len(set(found.values())) > 1:
        text = ", ".join(f"{name} {size}" for name, size in found.items())
        raise UserError(f"condition: the parts expect y of different sizes ({text}); use one size.")
    return next(iter(found.values()), None)


def condition(condition: Any, size: int | None) -> None:
    """Raises:
    UserError: it is not a `Condition`, or does not have the size that the networks expect.
    """
    if condition is None:
        return
    if not isinstance(condition, Condition):
        raise UserError(
            f'condition: got {condition!r}, expected a Condition, as in Condition("label", ("cat", "dog")).'
        )
    if size is None:
        raise UserError(f"condition: got {condition.kind}, but no network or prior has the input y.")
    if condition.size != size:
        raise UserError(f"condition: has {condition.size} values ({condition.kind}), but the networks expect {size}.")


def _dimensions(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} dimensions" if len(shape) == 1 else f"latents [{', '.join(map(str, shape))}]"


def shape(got: Any, event: tuple[int, ...], what: str = "x") -> None:
    """Raises:
    UserError: the shape of the examples differs from the model's.
    """
    got = tf.TensorShape(got)
    if got.rank is None or got.rank != len(event) + 1 or not got[1:].is_compatible_with(event):
        sizes = ", ".join(str(size) for size in event)
        raise UserError(f"{what}: got shape {got}, expected [batch, {sizes}].")


def objective(settings: Objective) -> None:
    """Raises:
    UserError: settings of the objective that exclude each other.
    """
    if settings.importance_weighted and (settings.free_bits > 0 or settings.capacity is not None):
        name = "free_bits" if settings.free_bits > 0 else "capacity"
        raise UserError(
            f"objective.importance_weighted: cannot be combined with objective.{name}, because the bound has no "
            "separate KL term; use one or the other."
        )


def support(data: DataSet, binarize: str, likelihood: Any) -> None:
    """Raises:
    UserError: a split has values outside the range of the likelihood.
    """
    if binarize != "none":
        return
    for name in ("train", "validation", "test"):
        split = getattr(data, name)
        if split.ends is not None:
            values(split, data.scaling, likelihood, f"{name} data")


def familiar(model: Any, split: Split, scaling: Scaling) -> None:
    """Warns, once for a model, of examples far outside the range that it was trained on: probably of other units."""
    trained = model.trained
    low, high = range_of(split, scaling)
    if trained.low is None or trained.high is None or low is None or high is None:
        return
    slack = _FAR * max(trained.high - trained.low, 1e-6)
    if low < trained.low - slack or high > trained.high + slack:
        warnings.warn(
            f"x: ranges from {low:.4g} to {high:.4g} in model units, but the model was trained on {trained.low:.4g} to "
            f"{trained.high:.4g}. Integers are scaled, and floats are taken as they are: pass what was passed to fit, "
            "or scale it likewise.",
            stacklevel=4,
        )
        model.trained = dataclasses.replace(trained, low=None, high=None)


def values(split: Split, scaling: Scaling, likelihood: Any, what: str = "x") -> None:
    """Raises:
    UserError: values in the user's units are outside the range of the likelihood. NaN is not an error here.
    """
    low, high = range_of(split, scaling)
    if likelihood.support is None or low is None or high is None:
        return
    least, most = likelihood.support
    if low < least - 1e-6 or high > most + 1e-6:
        kind = type(likelihood).__name__
        raise UserError(
            f"{what}: ranges from {low:.4g} to {high:.4g} in model units, but {kind} needs [{least:g}, {most:g}]: use "
            "a Gaussian (likelihood.name=gaussian), or scale it (data.scaling=min-max; in Python for example x / 255)."
        )
