"""`VAE.fit`: Keras's call, run by tfvae's training loop."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfvae.config import Config, Training
from tfvae.engine.cluster import workers
from tfvae.engine.loop import Loop
from tfvae.engine.outputs import Outputs
from tfvae.engine.plan import Start, steps_per_epoch
from tfvae.engine.signals import Stopped
from tfvae.errors import UserError
from tfvae.latent.sample import resolve
from tfvae.models import checks
from tfvae.runs.fit import examples, optimizer, session
from tfvae.runs.fit.callbacks import Callbacks
from tfvae.runs.fit.examples import Given
from tfvae.runs.progress import Reporter

__all__ = ["Given", "fit"]


def fit(
    model: Any,
    given: Given,
    training: Training,
    initial_epoch: int,
    seed: int,
    verbose: Any,
    callbacks: Sequence[keras.callbacks.Callback] | None,
) -> keras.callbacks.History:
    """See `Trainable.fit`. The model keeps the last weights, as in Keras."""
    resolve(model.latent)
    if isinstance(initial_epoch, bool) or not isinstance(initial_epoch, int) or initial_epoch < 0:
        raise UserError(f"fit: got initial_epoch={initial_epoch!r}, expected a number of epochs, 0 or more.")
    strategy = _strategy(model)
    with Reporter(training.epochs, verbose in (0, False), model.terms) as reporter, strategy.scope():
        say = reporter.say if model.session is None else lambda text: None
        if examples.are_batches(given) and workers.place(strategy).replicas != strategy.num_replicas_in_sync:
            raise UserError(
                "fit: got an iterable x on several machines, which cannot share its batches; pass an array."
            )
        data, batch_size = examples.read(model, given, say)
        training = _settings(model, training, batch_size)
        config = Config(objective=model.objective, training=training, seed=seed)
        checks.support(data, config.data.binarize, model.likelihood)
        optimizer.choose(model, training, steps_per_epoch(training, len(data.train)))
        loop = session.continued(model, data, config, strategy)
        if loop is None:
            loop = Loop(model, data, config, strategy, Outputs(reporter=reporter))
        # Only now, so that a call that is refused leaves the model as it was.
        examples.accept(model, data, given)
        session.keep(model, loop, data, config, strategy)
        calls = Callbacks(callbacks, model, training.epochs, loop.steps_per_epoch, reporter.say)
        calls.begin()
        begun = Start(model.trained.steps, model.trained.orders, model._initial_epoch or initial_epoch)
        loop.start(begun, training.epochs, reporter)
        try:
            loop.run(calls.epoch_end, calls.epoch_begin)
        except Stopped as stopped:
            raise (KeyboardInterrupt() if stopped.code == 130 else SystemExit(stopped.code)) from None
        finally:
            loop.release()
        calls.end()
    return _history(model, loop.history)


def _strategy(model: Any) -> tf.distribute.Strategy:
    """The strategy in whose scope the model was made, as in Keras, or else the current one."""
    strategy, now = model.distribute_strategy, tf.distribute.get_strategy()
    within = all(strategy.extended.variable_created_in_scope(variable.value) for variable in model.weights)
    if tf.distribute.has_strategy() and not (strategy is now and within):
        raise UserError("fit: the model was made outside of this strategy's scope; make and compile it inside.")
    return strategy


def _settings(model: Any, training: Training, batch_size: int) -> Training:
    jit = {True: "on", False: "off", "auto": training.jit}[model.compiled_jit]
    return dataclasses.replace(training, batch_size=batch_size, latent=model.latent, jit=jit)


def _history(model: Any, lines: list[dict[str, Any]]) -> keras.callbacks.History:
    history = model.history = keras.callbacks.History()
    history.set_model(model)
    history.epoch = [line["epoch"] - 1 for line in lines]
    history.history = {
        # An epoch lacks a value that was finite in none of its steps.
        prefix + name: [line[split].get(name, math.nan) for line in lines]
        for prefix, split in (("", "train"), ("val_", "validation"))
        for name in dict.fromkeys(name for line in lines for name in line[split])
    }
    return history
