"""Any Keras optimizer by name, made fit for a step that reduces gradients itself.

What Keras's `apply` does under a strategy is met here and nowhere else: it sums gradients over replicas, which the step
has done already; its own clipping and loss scale come before that sum; its accumulation cannot run there.
"""

from __future__ import annotations

import inspect
from typing import Any

import keras
import tensorflow as tf

from tfvae.config import Training, nearest
from tfvae.engine.learning_rate import WarmupDecay
from tfvae.errors import UserError

# Those whose results on several replicas the tests hold to those on one.
CERTIFIED = ("sgd", "adam", "adamw", "lion", "adafactor")


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
      UserError: no such optimizer, with the nearest name; or one that is not for several replicas, inside their scope.
    """
    known = names()
    name = settings.optimizer.lower()
    if name not in known:
        raise UserError(
            f"training.optimizer: got {settings.optimizer!r}{nearest(name, known)}, want one of {', '.join(known)}."
        )
    _check_certified(name)
    rate = WarmupDecay(
        settings.learning_rate,
        round(settings.learning_rate_warmup * steps_per_epoch),
        settings.epochs * steps_per_epoch,
        settings.learning_rate_schedule,
    )
    options: dict[str, Any] = {}
    if settings.weight_decay is not None:
        options["weight_decay"] = settings.weight_decay
    if settings.ema is not None:
        options.update(use_ema=True, ema_momentum=settings.ema)
    return known[name](learning_rate=rate, **options)


def prepare(optimizer: keras.optimizers.Optimizer, variables: list[keras.Variable]) -> None:
    """Makes the slots, and lets `apply` take gradients that are summed over replicas already.

    Keras sums them again inside `apply`, which doubles them on two replicas. The name is private: a test fails if
    Keras renames it.

    Raises:
      UserError: an optimizer that a strategy cannot be trusted with, or that does what the step does itself.
    """
    if not hasattr(optimizer, "_all_reduce_sum_gradients"):
        raise RuntimeError("this Keras reduces gradients elsewhere; tfvae needs keras>=3.15,<3.16.")
    _check_certified(type(optimizer).__name__)
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        raise UserError(
            "optimizer: got a LossScaleOptimizer, want the one inside it; the step scales float16 networks itself."
        )
    if optimizer.gradient_accumulation_steps:
        raise UserError(
            "optimizer: got gradient_accumulation_steps, which cannot run under a strategy; "
            "want training.accumulation, or accumulation=… of fit."
        )
    if not optimizer.built:
        optimizer.build(variables)
    optimizer._all_reduce_sum_gradients = lambda gradients_and_variables: gradients_and_variables


def _check_certified(name: str) -> None:
    if tf.distribute.has_strategy() and name.lower() not in CERTIFIED:
        raise UserError(
            f"training.optimizer: got {name} under a distribution strategy, want one of {', '.join(CERTIFIED)}; "
            "any other runs on one replica (--strategy default)."
        )
