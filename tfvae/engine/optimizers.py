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
from tfvae.objectives.loss import Objective

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


def compiled(model: Any, objective: Objective) -> keras.optimizers.Optimizer | None:
    """The optimizer that `model.compile` was given for an objective; None where it was not called.

    An objective for which there is none takes one like the main objective's, which the model keeps.
    """
    if not getattr(model, "compiled", False):
        return None
    if objective.main:
        return model.optimizer
    if objective.name not in model.optimizers:
        main = model.optimizer
        model.optimizers[objective.name] = type(main).from_config(main.get_config())
    return model.optimizers[objective.name]


def from_settings(settings: Training, steps_per_epoch: int, begins: int = 0) -> keras.optimizers.Optimizer:
    """The optimizer of the settings, its learning rate a function of the steps that it has taken.

    Args:
      settings: its name and learning rate.
      steps_per_epoch: in which warm-up and decay are counted.
      begins: the step at which it begins; the decay ends with the training.

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
        max(1, settings.epochs * steps_per_epoch - begins),
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
