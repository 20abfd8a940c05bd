"""Any Keras optimizer by name, adapted to a step that reduces gradients itself.

Under a strategy Keras's `apply` sums gradients over replicas, which the step has already done; its own clipping and
loss scale come before that sum, and its accumulation cannot run there. Only this module deals with that.
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

# Optimizers for which tests show the same results on several replicas as on one.
CERTIFIED = ("sgd", "adam", "adamw", "lion", "adafactor")


def names() -> dict[str, type[keras.optimizers.Optimizer]]:
    """Lower-case name to class of every Keras optimizer that can be used by itself."""
    base = keras.optimizers.Optimizer
    # Wrappers of other optimizers have no learning rate.
    return {
        name.lower(): kind
        for name, kind in inspect.getmembers(keras.optimizers, inspect.isclass)
        if issubclass(kind, base) and kind is not base and "learning_rate" in inspect.signature(kind).parameters
    }


def compiled(model: Any, objective: Objective) -> keras.optimizers.Optimizer | None:
    """The optimizer that was passed to `model.compile` for an objective; None if `compile` was not called.

    An objective without one gets a copy of the main objective's optimizer, which is stored in the model.
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
    """The optimizer of the settings; its learning rate is a function of its own step count.

    Raises:
      UserError: as `create`.
    """
    return create(settings, rate(settings, steps_per_epoch, begins))


def rate(settings: Training, steps_per_epoch: int, begins: int = 0, done: int = 0) -> WarmupDecay:
    """The learning rate of the settings, as a function of the optimizer's step count.

    Args:
      settings: learning rate, warm-up and decay.
      steps_per_epoch: converts warm-up and decay from epochs to steps.
      begins: the first step of the training at which the optimizer is used; the decay ends with the training.
      done: steps that the optimizer did before.
    """
    return WarmupDecay(
        settings.learning_rate,
        round(settings.learning_rate_warmup * steps_per_epoch),
        max(1, settings.epochs * steps_per_epoch - begins),
        settings.learning_rate_schedule,
        done,
    )


def create(settings: Training, rate: Any) -> keras.optimizers.Optimizer:
    """The optimizer of the settings with a learning rate, a number or a schedule.

    Raises:
      UserError: no such optimizer, with the nearest name; or, in a strategy's scope, one not in `CERTIFIED`.
    """
    known = names()
    name = settings.optimizer.lower()
    if name not in known:
        raise UserError(
            f"training.optimizer: got {settings.optimizer!r}{nearest(name, known)}, expected one of {', '.join(known)}."
        )
    _check_certified(name)
    options: dict[str, Any] = {}
    if settings.weight_decay is not None:
        options["weight_decay"] = settings.weight_decay
    if settings.ema is not None:
        options.update(use_ema=True, ema_momentum=settings.ema)
    return known[name](learning_rate=rate, **options)


def prepare(optimizer: keras.optimizers.Optimizer, variables: list[keras.Variable]) -> None:
    """Creates the slot variables, and makes `apply` accept gradients that are already summed over replicas.

    Keras would sum them again inside `apply`, which doubles them on two replicas. The patched method is private: a test
    fails if Keras renames it.

    Raises:
      UserError: an optimizer not tested under a strategy, or one that scales or accumulates gradients itself.
    """
    if not hasattr(optimizer, "_all_reduce_sum_gradients"):
        raise RuntimeError("this version of Keras reduces gradients elsewhere; tfvae needs keras>=3.15,<3.16.")
    _check_certified(type(optimizer).__name__)
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        raise UserError(
            "optimizer: got a LossScaleOptimizer, expected its inner optimizer; the step scales the loss of float16 "
            "networks itself."
        )
    if optimizer.gradient_accumulation_steps:
        raise UserError(
            "optimizer: got gradient_accumulation_steps, which cannot run under a strategy; "
            "set training.accumulation, or pass accumulation=… to fit."
        )
    if not optimizer.built:
        optimizer.build(variables)
    optimizer._all_reduce_sum_gradients = lambda gradients_and_variables: gradients_and_variables


def _check_certified(name: str) -> None:
    if tf.distribute.has_strategy() and name.lower() not in CERTIFIED:
        raise UserError(
            f"training.optimizer: got {name} under a distribution strategy, expected one of {', '.join(CERTIFIED)}; "
            "use any other on one replica only (--strategy default)."
        )
