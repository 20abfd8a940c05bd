"""What a run would take of memory and disk, in bytes by purpose."""

from __future__ import annotations

import math
import resource
import sys
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.config import Config, Training
from tfvae.data.splits import DataSet
from tfvae.engine.loop import Loop

# Measured on the presets; of images and of rows they differ by less than a factor of two.
_PICTURES, _PICTURE, _LINE = 4_000_000, 100_000, 4_000

Sizes = dict[str, int]


def memory(model: Any, loop: Loop, data: DataSet, config: Config, replicas: int) -> Sizes:
    """Bytes on each replica while the model trains; all but the activations are counted, not estimated."""
    weights = of_variables(model.weights)
    return {
        "weights": weights,
        "best weights": weights,
        "gradients": sum(of_variables(trainer.objective.variables) for trainer in loop.trainers),
        "optimizer": of_optimizers(loop),
        **_data(data, config.training.batch_size * loop.clock.steps_per_call()),
        "activations (estimated, the outputs of all layers)": _activations(model, config, replicas),
    }


def disk(model: Any, loop: Loop, training: Training) -> Sizes:
    """Bytes of the run folder at the end of training."""
    checkpoint = 2 * of_variables(model.weights) + of_optimizers(loop)
    pictures = training.epochs // training.sample_every if training.sample_every else 0
    return {
        "checkpoints (two, and one while it is written)": 3 * checkpoint,
        "networks": 2 * 4 * int(model.count_params()),
        "pictures and logs (estimated)": _PICTURES + pictures * _PICTURE + training.epochs * _LINE,
    }


def peak() -> Sizes:
    """The most that this process, and each GPU, has used so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    found = {"this process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}
    for gpu in tf.config.list_logical_devices("GPU"):
        name = gpu.name.removeprefix("/device:")
        found[name] = tf.config.experimental.get_memory_info(name)["peak"]
    return found


def of_variables(variables: Any) -> int:
    """Bytes of variables."""
    return sum(math.prod(variable.shape) * int(tf.as_dtype(variable.dtype).size) for variable in variables)


def of_optimizers(loop: Loop) -> int:
    """Bytes of the state of all optimizers."""
    return sum(of_variables(trainer.optimizer.variables) for trainer in loop.trainers)


def _data(data: DataSet, examples: int) -> Sizes:
    """Bytes of the data in memory; of data on disk, those of two calls' examples, which are read ahead."""
    x = [split.x for split in (data.train, data.validation, data.test)]
    held = [values.nbytes for values in x if isinstance(values, np.ndarray)]
    if held:
        return {"data": sum(held), "data on the device": sum(held[:2])}
    return {"examples read ahead": 2 * examples * math.prod(data.shape) * np.dtype(x[0].dtype).itemsize}


def _activations(model: Any, config: Config, replicas: int) -> int:
    """Bytes of the outputs of all layers for the examples that a replica processes at a time."""
    examples = config.training.batch_size // replicas // config.training.accumulation
    counts = {"encoder": 1, "decoder": config.objective.num_samples}
    return examples * sum(n * _outputs(getattr(model, name)) for name, n in counts.items() if hasattr(model, name))


def _outputs(network: keras.Model) -> int:
    """Bytes of the outputs of all layers for one example."""
    total = 0
    for operation in network.operations:
        if hasattr(operation, "operations"):
            total += _outputs(operation)
        else:
            outputs = tf.nest.flatten(operation.output)
            total += sum(math.prod(x.shape[1:]) * int(tf.as_dtype(x.dtype).size) for x in outputs)
    return total
