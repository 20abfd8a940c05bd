"""Arguments of Keras's `compile` and `fit` that do not apply to this package, refused by name with the way to do it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tfvae.config import nearest
from tfvae.errors import UserError

# Keras's argument: the value that it may have, and what to do instead.
_COMPILE = {
    "loss": (
        None,
        "the loss of this model is its objective; choose the likelihood, and set kl_weight and similar options, in the "
        "constructor",
    ),
    "loss_weights": (None, "set kl_weight in the constructor"),
    "metrics": (None, "fit reports elbo, reconstruction and kl by itself, and evaluate computes them for any examples"),
    "weighted_metrics": (None, "examples have no weights; leave it out"),
    "run_eagerly": (
        False,
        "the loop is always compiled; to debug, call tf.config.run_functions_eagerly(True) before fit",
    ),
    "steps_per_execution": (1, "fit chooses it by itself; steps_per_call=… of fit fixes it"),
}
_FIT = {
    "shuffle": (True, "examples are always shuffled; to keep their order, pass a tf.data.Dataset of batches"),
    "class_weight": (None, "examples have no weights; repeat those that should count more"),
    "sample_weight": (None, "examples have no weights; repeat those that should count more"),
    "validation_batch_size": (None, "it would change no result; leave it out"),
    "validation_freq": (1, "every epoch is validated, without training twice; leave it out"),
}
_TRAINING = ("accumulation", "clip_norm", "early_stopping", "jit", "on_nonfinite", "steps_per_call")
OF_THE_OPTIMIZER = (
    "optimizer",
    "optimizers",
    "learning_rate",
    "learning_rate_schedule",
    "learning_rate_warmup",
    "weight_decay",
    "ema",
)


def of_compile(given: Mapping[str, Any]) -> None:
    """Raises:
    UserError: an argument of `compile` that does not apply.
    """
    _refuse("compile", given, _COMPILE)
    for name in given:
        if name not in _COMPILE:
            known = ("optimizer", "jit_compile")
            raise UserError(f"compile: no argument {name}{nearest(name, known)}, expected {' or '.join(known)}.")


def of_fit(given: Mapping[str, Any], training: Iterable[str], compiled: bool) -> None:
    """Checks the arguments of `fit`.

    Args:
      given: arguments of Keras that have one possible value.
      training: names of the others.
      compiled: `compile` was called by the user.

    Raises:
      UserError: an argument does not apply or does not exist, or `compile` has already set it.
    """
    _refuse("fit", given, _FIT)
    for name in training:
        if name in OF_THE_OPTIMIZER and compiled:
            raise UserError(f"fit: got {name}, but compile chose the optimizer; set it there, or do not call compile.")
        if name not in (*_TRAINING, *OF_THE_OPTIMIZER):
            hint, known = nearest(name, (*_TRAINING, *OF_THE_OPTIMIZER)), ", ".join((*_TRAINING, *OF_THE_OPTIMIZER))
            raise UserError(f"fit: no argument {name}{hint}. Besides its named arguments, fit accepts {known}.")


def _refuse(call: str, given: Mapping[str, Any], known: Mapping[str, tuple[Any, str]]) -> None:
    for name, value in given.items():
        allowed, instead = known.get(name, (value, ""))
        plain = isinstance(value, (bool, int, float, str))
        if value is not allowed and not (plain and value == allowed):
            shown = repr(value) if plain else type(value).__name__
            raise UserError(f"{call}: got {name}={shown}; {instead}.")


def optimizer_names(names: Iterable[str], objectives: list[str]) -> None:
    """Raises:
    UserError: an optimizer for an unknown objective, or none for the main one.
    """
    for name in names:
        if name not in objectives:
            raise UserError(
                f"compile: no objective {name!r}{nearest(name, objectives)}. There are: {', '.join(objectives)}."
            )
    if objectives[0] not in names:
        raise UserError(f"compile: got no optimizer for {objectives[0]!r}, the main objective; add one.")
