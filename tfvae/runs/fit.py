"""`VAE.fit`: Keras's call, run by tfvae's training loop."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.config import Config, Training
from tfvae.data import load
from tfvae.data.scaling import Scaling
from tfvae.data.splits import DataSet
from tfvae.engine.loop import Loop
from tfvae.engine.outputs import Outputs
from tfvae.engine.signals import Stopped
from tfvae.latent.sample import resolve
from tfvae.models import checks
from tfvae.runs import conditioning
from tfvae.runs.progress import Reporter

RAW = "iub"  # kinds of dtype in the user's units, such as pixels 0 to 255; floats are in model units


def fit(
    model: Any, x: Any, y: Any, validation_data: Any, training: Training, seed: int, verbose: int
) -> keras.callbacks.History:
    """See `VAE.fit`. The model keeps the last weights, as in Keras."""
    resolve(model.latent)
    training = dataclasses.replace(training, latent=model.latent)
    if getattr(model, "jit_compile", False):
        training = dataclasses.replace(training, jit="on")
    config = Config(objective=model.objective, training=training, seed=seed)
    x = np.asarray(x)
    data = _data(model, x, y, validation_data)
    checks.support(data, config.data.binarize, model.likelihood)
    with Reporter(training.epochs, verbose == 0, model.terms) as reporter:
        loop = Loop(model, data, config, tf.distribute.get_strategy(), Outputs(reporter=reporter))
        # Only now, so that a call that is refused leaves the model as it was.
        if data.condition is not None:
            model.condition = data.condition
        if x.dtype.kind in RAW:
            model.scaling = data.scaling
        try:
            loop.run()
        except Stopped as stopped:
            raise (KeyboardInterrupt() if stopped.code == 130 else SystemExit(stopped.code)) from None
    return _history(loop.history)


def _data(model: Any, x: np.ndarray, y: Any, validation_data: Any) -> DataSet:
    """The user's arrays as a data set."""
    checks.shape(x.shape, model.event_shape)
    scaling = model.scaling if model.scaling.kind != "none" else "auto"
    chosen = scaling if x.dtype.kind in RAW else Scaling.identity()
    if model.condition_size is None:
        return load.from_arrays(x, y, validation_data, scaling=chosen)
    return conditioning.from_arrays(model, x, y, validation_data, chosen)


def _history(lines: list[dict[str, Any]]) -> keras.callbacks.History:
    history = keras.callbacks.History()
    history.epoch = [line["epoch"] - 1 for line in lines]
    history.history = {
        # An epoch lacks a value that was finite in none of its steps.
        prefix + name: [line[split].get(name, math.nan) for line in lines]
        for prefix, split in (("", "train"), ("val_", "validation"))
        for name in dict.fromkeys(name for line in lines for name in line[split])
    }
    return history
