"""How the variables of each objective are updated: an optimizer, a loss scale, a bound on the gradient norm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from tfvae.config import Training, nearest
from tfvae.engine import optimizers
from tfvae.engine.gradients import clipped
from tfvae.engine.precision import LossScale, in_tensorflow, needs_scaling, update_if
from tfvae.errors import UserError
from tfvae.objectives.loss import Objective


@dataclass(frozen=True, eq=False)
class Trainer:
    """An objective and the optimizer that updates its variables.

    Attributes:
      objective: the loss and the variables.
      optimizer: prepared by `optimizers.prepare`.
      loss_scale: for float16 networks, else None.
      clip_norm: bound on the global norm of the gradient; None: none.
      skips: skip a step whose loss or gradient is not finite. It costs a copy of the weights and slots.
    """

    objective: Objective
    optimizer: keras.optimizers.Optimizer
    loss_scale: LossScale | None = None
    clip_norm: float | None = None
    skips: bool = False

    @property
    def guarded(self) -> bool:
        """Whether a step that is not finite is skipped."""
        return self.skips or self.loss_scale is not None

    def apply(self, grads: list[tf.Tensor], norm: tf.Tensor, finite: tf.Tensor | None, step: tf.Tensor) -> None:
        """Updates the variables.

        Args:
          grads: summed over replicas, without loss scale, not clipped.
          norm: their global norm.
          finite: whether to apply the update; None: always.
          step: steps done before this one.
        """
        variables = list(self.objective.variables)
        self._if_taken(
            finite,
            step,
            lambda: self.optimizer.apply(clipped(grads, norm, self.clip_norm), variables),
            [*variables, *self.optimizer.variables],
        )

    def absorb(self, sums: Mapping[str, tf.Tensor], finite: tf.Tensor | None, step: tf.Tensor) -> None:
        """Passes the sums over the global batch to the objective, if it has an `absorb` function."""
        absorb = self.objective.absorb
        if absorb is not None:
            self._if_taken(finite, step, lambda: absorb(sums), list(self.objective.state))

    def _if_taken(self, finite: tf.Tensor | None, step: tf.Tensor, update: Any, variables: list[Any]) -> None:
        begun = step >= self.objective.begins if self.objective.begins > 0 else None
        conditions = [condition for condition in (finite, begun) if condition is not None]
        if not conditions:
            update()
            return
        update_if(tf.reduce_all(tf.stack(conditions)) if len(conditions) > 1 else conditions[0], update, variables)


def check(model: Any, settings: Training) -> None:
    """Checks the names of a model's objectives, and that the settings name no others.

    Raises:
      UserError: settings for an unknown objective, or for the main one.
    """
    objectives = model.objectives()
    names = [objective.name for objective in objectives]
    first_is_main = [objective.main for objective in objectives] == [True] + [False] * (len(names) - 1)
    if not first_is_main or len(set(names)) < len(names):
        raise ValueError(f"objectives: got {names}, expected different names, the first one alone with main=True.")
    if names[0] in settings.optimizers:
        raise UserError(
            f"training.optimizers.{names[0]}: it is the main objective; set training.learning_rate, training.optimizer "
            "and the like instead."
        )
    unknown = [name for name in settings.optimizers if name not in names]
    if unknown:
        raise UserError(
            f"training.optimizers: no objective {unknown[0]!r}{nearest(unknown[0], names[1:])}. Besides the main one "
            f"there are: {', '.join(names[1:]) or 'none'}."
        )


def from_settings(model: Any, settings: Training, steps_per_epoch: int) -> list[Trainer]:
    """A trainer for each objective of a model; call it in the strategy's scope.

    The optimizers are those of `model.compile` if it was called, else those of the settings.

    Raises:
      UserError: an optimizer that cannot be used, or settings for an unknown objective.
    """
    check(model, settings)
    scaled, skips = needs_scaling(model), settings.on_nonfinite == "skip"
    trainers = []
    for objective in model.objectives():
        own = settings.of_objective(objective.name)
        optimizer = optimizers.compiled(model, objective)
        if optimizer is None:
            optimizer = optimizers.from_settings(own, steps_per_epoch, objective.begins)
        optimizers.prepare(optimizer, list(objective.variables))
        trainers.append(Trainer(objective, optimizer, LossScale() if scaled else None, own.clip_norm, skips))
    return trainers


def state(trainers: list[Trainer]) -> list[Any]:
    """The training state other than the weights, for a checkpoint."""
    optimizers_, scales = ([getattr(trainer, name) for trainer in trainers] for name in ("optimizer", "loss_scale"))
    absorbed = [in_tensorflow(variable) for trainer in trainers for variable in trainer.objective.state]
    # Checkpoints of version 0.1.0 have no third part.
    return [optimizers_, scales, *([absorbed] if absorbed else [])]
