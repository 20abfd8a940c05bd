"""The moving averages of the weights, put in their place for as long as something looks at them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras
import tensorflow as tf


@contextlib.contextmanager
def in_place(pairs: list[tuple[keras.optimizers.Optimizer, list[keras.Variable]]]) -> Iterator[None]:
    """Weights are their averages inside, and what they were, to the bit, outside.

    a' = d a + (1 - d) w after each update, from a = w after the first.

    Args:
      pairs: optimizers with the variables that they move; those without `use_ema` are left as they are.

    Source: Polyak and Juditsky, Acceleration of Stochastic Approximation by Averaging, 1992; exponential as in Keras.
    """
    # Before its first update an average is zero.
    swapped = [(opt, variables) for opt, variables in pairs if opt.use_ema and int(opt.iterations.numpy()) > 0]
    before = [[tf.identity(variable.value) for variable in variables] for _, variables in swapped]
    put(swapped)
    try:
        yield
    finally:
        for (_, variables), values in zip(swapped, before):
            for variable, value in zip(variables, values):
                variable.value.assign(value)


def put(pairs: list[tuple[keras.optimizers.Optimizer, list[keras.Variable]]]) -> None:
    """Weights are their averages from now on."""
    for optimizer, variables in pairs:
        if optimizer.use_ema and int(optimizer.iterations.numpy()) > 0:
            optimizer.finalize_variable_values(variables)
