"""The moving averages of the weights, put in their place for as long as something looks at them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import tensorflow as tf

from tfvae.engine.trainer import Trainer


@contextlib.contextmanager
def in_place(trainers: Sequence[Trainer]) -> Iterator[None]:
    """Weights are their averages inside, and what they were, to the bit, outside.

    a' = d a + (1 - d) w after each update, from a = w after the first.

    Args:
      trainers: optimizers with the variables that they move; those without `use_ema` are left as they are.

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
    """Weights are their averages from now on."""
    for trainer in _averaged(trainers):
        trainer.optimizer.finalize_variable_values(list(trainer.objective.variables))


def _averaged(trainers: Sequence[Trainer]) -> list[Trainer]:
    # Before its first update an average is zero.
    return [
        trainer for trainer in trainers if trainer.optimizer.use_ema and int(trainer.optimizer.iterations.numpy()) > 0
    ]
