"""`tfvae.engine.optimizers`: every Keras optimizer, and the private Keras method that the step relies on."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.engine import optimizers
from tfvae.errors import UserError

START = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)


@pytest.mark.parametrize("jit", [False, True], ids=["graph", "jit"])
@pytest.mark.parametrize("name", sorted(optimizers.names()))
def test_every_optimizer_goes_downhill(settings, name, jit):
    optimizer = optimizers.from_settings(settings(f"training.optimizer={name}").training, 10)
    matrix, vector = keras.Variable(START, name="kernel"), keras.Variable(START[0], name="bias")
    optimizers.prepare(optimizer, [matrix, vector])

    @tf.function(jit_compile=jit)
    def step():
        optimizer.apply([matrix.value + 0.0, vector.value + 0.0], [matrix, vector])

    for _ in range(3):
        step()
    assert np.sum(np.square(matrix.numpy())) < np.sum(np.square(START))
    assert np.sum(np.square(vector.numpy())) < np.sum(np.square(START[0]))
    assert int(optimizer.iterations.numpy()) == 3


def test_those_that_cannot_stand_alone_are_not_offered():
    assert {"adam", "adamw", "sgd"} <= set(optimizers.names())
    assert not {"optimizer", "lossscaleoptimizer", "multioptimizer"} & set(optimizers.names())


def test_an_unknown_one_has_the_nearest_name(settings):
    with pytest.raises(UserError, match=r"training\.optimizer: got 'adan' \(did you mean adam\?\), expected one of"):
        optimizers.from_settings(settings("training.optimizer=adan").training, 10)


def test_its_settings_reach_it(settings):
    changes = ["training.learning_rate=0.5", "training.weight_decay=0.25", "training.learning_rate_warmup=2"]
    training = settings("training.optimizer=AdamW", *changes, "training.epochs=4").training
    optimizer = optimizers.from_settings(training, 10)
    assert optimizer.weight_decay == 0.25
    rates = []
    for step in (0, 9, 19, 39):
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    assert rates[:2] == pytest.approx([0.5 / 20, 0.25])
    assert rates[2] == pytest.approx(0.5)
    assert 0 < rates[3] < 0.01
    assert optimizers.from_settings(settings("training.optimizer=adamw").training, 10).weight_decay == 0.004


def test_keras_still_sums_gradients_where_prepare_steps_in(two_replicas):
    """Without `prepare` two replicas double the gradient; with it they do not."""

    def moved(prepared):
        with two_replicas.scope():
            w = keras.Variable([0.0])
            optimizer = keras.optimizers.SGD(1.0)
            optimizer.build([w])
        if prepared:
            optimizers.prepare(optimizer, [w])
        tf.function(lambda: two_replicas.run(lambda: optimizer.apply([tf.constant([1.0])], [w])))()
        return float(w.numpy()[0])

    assert moved(prepared=False) == -2.0
    assert moved(prepared=True) == -1.0


@pytest.mark.parametrize("name", optimizers.CERTIFIED)
def test_a_certified_one_does_the_same_on_two_replicas_under_jit(loop_for, settings, data_set, two_replicas, name):
    changes = ["training.precision=float64", "training.weight_decay=0.1", "training.clip_norm=0.5", "training.ema=0.9"]
    config = settings(f"training.optimizer={name}", *changes, "training.epochs=5", "training.learning_rate=0.05")
    ends = []
    for strategy, jit in ((None, "off"), (two_replicas, "on")):
        loop, model = loop_for(
            dataclasses.replace(config, training=dataclasses.replace(config.training, jit=jit)), data_set(), strategy
        )
        loop.run()
        ends.append((model.get_weights(), [line["validation"]["loss"] for line in loop.history]))
    np.testing.assert_allclose(ends[1][1], ends[0][1], rtol=1e-9)
    for got, expected in zip(ends[1][0], ends[0][0]):
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-9)
    assert ends[0][1][-1] < ends[0][1][0]


def test_others_run_on_one_replica_alone(loop_for, settings, data_set, two_replicas):
    config = settings("training.optimizer=nadam", "training.epochs=1")
    with pytest.raises(
        UserError, match=r"got nadam under a distribution strategy, expected one of sgd, adam, adamw, lion, ad"
    ):
        loop_for(config, data_set(), two_replicas)
    loop, _ = loop_for(config, data_set())
    loop.run()


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (lambda: keras.optimizers.Adam(gradient_accumulation_steps=2), r"set training\.accumulation"),
        (lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam()), "expected its inner optimizer"),
    ],
    ids=["accumulation", "loss scale"],
)
def test_what_the_step_does_itself_is_refused(made, wanted):
    with pytest.raises(UserError, match=wanted):
        optimizers.prepare(made(), [keras.Variable([1.0])])


def test_a_keras_without_the_hook_is_refused():
    class Other:
        pass

    with pytest.raises(RuntimeError, match="reduces gradients elsewhere"):
        optimizers.prepare(Other(), [])
