"""Checks of the networks that a user passes: functional, with inputs by position, and ending as their outputs need."""

from __future__ import annotations

import contextlib
import contextvars
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras

from tfvae.errors import UserError
from tfvae.networks import calling

_SAVED = contextvars.ContextVar("saved", default=False)

# Their ranges are not all real numbers, as logits are.
_BOUNDED = (
    "exp",
    "exponential",
    "hard_sigmoid",
    "hard_tanh",
    "log_sigmoid",
    "relu",
    "relu6",
    "sigmoid",
    "softmax",
    "softplus",
    "softsign",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "tanh",
)
_WITHIN_0_AND_1 = ("hard_sigmoid", "sigmoid", "softmax", "sparse_sigmoid", "sparsemax")
_KEEP_VALUES = (
    keras.layers.Reshape,
    keras.layers.Flatten,
    keras.layers.Permute,
    keras.layers.Identity,
    keras.layers.Dropout,
    keras.layers.Cropping1D,
    keras.layers.Cropping2D,
    keras.layers.Cropping3D,
)


def functional(network: Any, what: str, shape: str) -> None:
    """Checks that a network is a functional Keras model of x, or of x and y.

    Args:
      network: the user's.
      what: its name in messages.
      shape: of its first input, as an example.

    Raises:
      UserError: it is not; says how to make it one.
    """
    if not isinstance(network, keras.Model):
        raise UserError(f"{what}: got {type(network).__name__}, expected a functional Keras model.")
    wrap = f"inputs = keras.Input({shape}); keras.Model(inputs, network(inputs))"
    if isinstance(network, keras.Sequential) and not network.built:
        raise UserError(f"{what}: the Sequential model has no input yet; begin it with keras.Input({shape}).")
    if not hasattr(network, "inputs"):
        raise UserError(
            f"{what}: got {type(network).__name__}, a subclassed model, whose shapes are unknown; make it functional: "
            f"{wrap}."
        )
    if isinstance(getattr(network, "_inputs_struct", None), Mapping):
        names = ", ".join(network._inputs_struct)
        raise UserError(f"{what}: takes its inputs by name ({names}); expected x, or a list of x and y.")


@contextlib.contextmanager
def saved() -> Iterator[None]:
    """Inside the block a network that ends wrongly is only warned about: a file saved with it goes on loading."""
    token = _SAVED.set(True)
    try:
        yield
    finally:
        _SAVED.reset(token)


def endings(network: keras.Model, names: Sequence[str], kind: str) -> None:
    """Checks the last activation of each output whose values have a range that a likelihood relies on.

    Args:
      network: the decoder.
      names: of its outputs, in the order of an unnamed list.
      kind: the likelihood's name in messages.

    Raises:
      UserError: logits that end in a sigmoid or the like, or probabilities that end in none.
    """
    try:
        _endings(network, names, kind)
    except UserError as error:
        if not _SAVED.get():
            raise
        warnings.warn(str(error), stacklevel=2)


def _endings(network: keras.Model, names: Sequence[str], kind: str) -> None:
    for name, output in calling.by_name(calling.outputs(network), names).items():
        last = _last_activation(output)
        if name == "logits" and last in _BOUNDED:
            choice = ", or pass likelihood=tfvae.Bernoulli(from_logits=False)"
            raise UserError(
                f"decoder: ends in {last}, but {kind} reads logits, which may be any real number; remove the last "
                f"activation{choice if last in _WITHIN_0_AND_1 and kind == 'Bernoulli' else ''}."
            )
        if name == "probability" and last in {"linear", *_BOUNDED} - {*_WITHIN_0_AND_1}:
            raise UserError(
                f"decoder: ends in {last}, but {kind}(from_logits=False) reads probabilities; end it in a sigmoid, or "
                "leave from_logits out if its outputs are logits."
            )


def _last_activation(output: Any) -> str:
    """The name of the last activation before an output; empty: not known."""
    operation, _, index = output._keras_history
    if isinstance(operation, _KEEP_VALUES):
        return _last_activation(operation.input)
    if isinstance(operation, keras.Model):
        inner = getattr(operation, "outputs", None)
        return _last_activation(inner[index]) if inner else ""
    activation = getattr(operation, "activation", None)
    if activation is None:
        name = type(operation).__name__.lower()
        return {"hardsigmoid": "hard_sigmoid", "logsigmoid": "log_sigmoid"}.get(name, name)
    return str(getattr(activation, "__name__", type(activation).__name__.lower()))
