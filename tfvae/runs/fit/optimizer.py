"""The optimizer of `fit` for a model on which `compile` was not called: it is kept from one call to the next."""

from __future__ import annotations

from typing import Any

import keras

from tfvae.config import Training
from tfvae.engine import optimizers
from tfvae.models.arguments import OF_THE_OPTIMIZER


def choose(model: Any, training: Training, steps_per_epoch: int) -> None:
    """Compiles the model with the optimizers of the settings, or keeps those that it has.

    An optimizer keeps its moments if only its learning rate changes. A decay begins anew with each call.

    Raises:
      UserError: no such optimizer.
    """
    if model.compiled and model.chosen is None:
        return
    chosen = {name: getattr(training, name) for name in OF_THE_OPTIMIZER}
    names = [objective.name for objective in model.objectives()]
    own = {name: training.of_objective(name) for name in names}
    decays = any(settings.learning_rate_schedule != "constant" for settings in own.values())
    if model.chosen == chosen and not decays:
        return
    main, *others = names
    before = {main: model.optimizer, **model.optimizers} if model.chosen and _same(model.chosen, chosen) else {}
    found: dict[str, keras.optimizers.Optimizer] = {}
    for objective in model.objectives():
        settings, kept = own[objective.name], before.get(objective.name)
        done = 0 if kept is None else int(kept.iterations.numpy())
        rate: Any = settings.learning_rate
        if settings.learning_rate_schedule != "constant" or settings.learning_rate_warmup:
            rate = optimizers.rate(settings, steps_per_epoch, objective.begins, done)
        if kept is None:
            kept = optimizers.create(settings, rate)
        else:
            kept.learning_rate = rate
        found[objective.name] = kept
    model.compile(optimizer=found if others else found[main], jit_compile=model.compiled_jit)
    model.chosen = chosen


def _same(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether only learning rates differ."""
    return all(before[name] == now[name] for name in ("optimizer", "weight_decay", "ema", "optimizers"))
