"""Moving averages of the weights, swapped in for validation and at the end of training."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import tensorflow as tf

from tfvae.engine.trainer import Trainer


@contextlib.contextmanager
def in_place(trainers: Sequence[Trainer]) -> Iterator[None]:
    """Replaces the weights by their averages inside the block, and restores them bit-exactly after it.

    a' = d a + (1 - d) w after each update, from a = w after the first.

    Args:
      trainers: optimizers and their variables; those without `use_ema` are left unchanged.

    Source: Polyak and Juditsky, Acceleration of Stochastic Approximation by Averaging, 1992; exponential as in Keras.
    """
    variables = [variable for trainer in _averaged(trainers) for variable in trainer.objective.variables]
    before = [tf.identity(variable.value) for variable in variables]
    put(trainers)
    try:
        yield
    finally:
        for variable, value in zip(variables, before):
            variable.value.assign(value)


def put(trainers: Sequence[Trainer]) -> None:
    """Replaces the weights by their averages for good."""
    for trainer in _averaged(trainers):
        trainer.optimizer.finalize_variable_values(list(trainer.objective.variables))


def _averaged(trainers: Sequence[Trainer]) -> list[Trainer]:
    # Before the first update the average is zero.
    return [
        trainer for trainer in trainers if trainer.optimizer.use_ema and int(trainer.optimizer.iterations.numpy()) > 0
    ]
