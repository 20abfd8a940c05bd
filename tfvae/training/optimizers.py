"""Any Keras optimizer by name, made fit for a step that reduces gradients itself."""

from __future__ import annotations

import inspect
from typing import Any

import keras

from tfvae.config import Training, nearest
from tfvae.errors import UserError
from tfvae.training.schedules import WarmupDecay


def names() -> dict[str, type[keras.optimizers.Optimizer]]:
    """Lower-case name to class of every Keras optimizer that can stand alone."""
    base = keras.optimizers.Optimizer
    # Wrappers of other optimizers have no learning rate of their own.
    return {
        name.lower(): kind
        for name, kind in inspect.getmembers(keras.optimizers, inspect.isclass)
        if issubclass(kind, base) and kind is not base and "learning_rate" in inspect.signature(kind).parameters
    }


def from_settings(settings: Training, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """The optimizer of the settings, its learning rate a function of the step.

    Raises:
      UserError: no such optimizer, with the nearest name.
    """
    known = names()
    name = settings.optimizer.lower()
    if name not in known:
        raise UserError(
            f"training.optimizer: got {settings.optimizer!r}{nearest(name, known)}, want one of {', '.join(known)}."
        )
    rate = WarmupDecay(
        settings.learning_rate,
        round(settings.learning_rate_warmup * steps_per_epoch),
        settings.epochs * steps_per_epoch,
        settings.learning_rate_schedule,
    )
    decay: dict[str, Any] = {} if settings.weight_decay is None else {"weight_decay": settings.weight_decay}
    return known[name](learning_rate=rate, **decay)


def prepare(optimizer: keras.optimizers.Optimizer, variables: list[keras.Variable]) -> None:
    """Makes the slots, and lets `apply` take gradients that are summed over replicas already.

    Keras sums them again inside `apply`, which doubles them on two replicas. The name is private: a test fails if
    Keras renames it.
    """
    if not optimizer.built:
        optimizer.build(variables)
    if not hasattr(optimizer, "_all_reduce_sum_gradients"):
        raise RuntimeError("this Keras reduces gradients elsewhere; tfvae needs keras>=3.15,<3.16.")
    optimizer._all_reduce_sum_gradients = lambda gradients_and_variables: gradients_and_variables
