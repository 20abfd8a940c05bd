"""What a call of `fit` compiled, for the next call with examples of the same shapes."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.config import Config
from tfvae.data.splits import DataSet, Split
from tfvae.engine.loop import Loop


class Kept:
    """A loop and what it was compiled for; a plain class, so that Keras does not track it as a part of the model."""

    def __init__(self, key: tuple[Any, ...], loop: Loop) -> None:
        self.key, self.loop = key, loop


def continued(model: Any, data: DataSet, config: Config, strategy: tf.distribute.Strategy) -> Loop | None:
    """The loop of the last call, with these examples, if it was compiled for the like; else None."""
    kept = model.session
    if kept is None or kept.key != _key(model, data, config, strategy):
        return None
    kept.loop.replace(data)
    return kept.loop


def keep(model: Any, loop: Loop, data: DataSet, config: Config, strategy: tf.distribute.Strategy) -> None:
    """Keeps the loop for the next call."""
    model.session = Kept(_key(model, data, config, strategy), loop)


def _key(model: Any, data: DataSet, config: Config, strategy: tf.distribute.Strategy) -> tuple[Any, ...]:
    """All that compiled functions depend on. The loop holds the objects that are compared by identity."""
    training = dataclasses.replace(config.training, epochs=1)
    variables = [variable for objective in model.objectives() for variable in objective.variables]
    parts = (*variables, model.optimizer, *model.optimizers.values(), strategy)
    return (
        _shape(data.train),
        _shape(data.validation),
        repr(data.scaling.to_dict()),
        data.condition,
        dataclasses.replace(config, training=training),
        keras.config.dtype_policy().name,
        tuple(map(id, parts)),
    )


def _shape(split: Split) -> tuple[Any, ...]:
    x = split.x
    kind = x.shape if isinstance(x, np.ndarray) else (type(x), len(x), *x.shape)
    return (*kind, x.dtype, split.y is None, split.attributes is None)
