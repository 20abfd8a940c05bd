"""`tfvae.engine.precision`: a step that is not finite changes nothing on any replica, and halves float16's scale."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tolerance import fan_in, rounding
from tfvae.engine import nonfinite, precision
from tfvae.engine.loop import Loop
from tfvae.engine.outputs import Outputs
from tfvae.errors import UserError
from tfvae.objectives.loss import Loss
from tfvae.runs.folder import Run


def planted(model, step, value=np.inf, first=0):
    """The model with a gradient of `value` at a step, from the examples after `first` only; the loss stays finite."""
    [objective] = model.objectives()

    @tf.custom_gradient
    def through(x, there):
        return x, lambda upstream: (tf.where(there, value * tf.ones_like(upstream), upstream), None)

    def breaking(batch, address, schedule, training):
        loss = objective.loss(batch, address, schedule, training)
        there = tf.reduce_any(address.step == step) & (batch.first_example >= first)
        return Loss(through(loss.total, tf.fill(tf.shape(loss.total), there)), loss.terms)

    model.objectives = lambda: [objective._replace(loss=breaking)]
    return model


def state(loop, model):
    """Weights, slots and iterations."""
    optimizer = loop.trainers[0].optimizer
    return [np.array(value) for value in [*model.get_weights(), *(v.numpy() for v in optimizer.variables)]]


def last_skip(loop):
    return [line["train"]["skipped"] for line in loop.history]


@pytest.mark.parametrize(
    ("optimizer", "replicas", "jit"),
    [("adam", 1, "off"), ("adam", 1, "on"), ("adam", 2, "off"), ("adam", 2, "on"), ("sgd", 2, "off")],
)
def test_an_infinity_on_one_replica_moves_nothing_on_any(
    model_for, settings, data_set, two_replicas, replicas, jit, optimizer
):
    strategy = two_replicas if replicas == 2 else tf.distribute.get_strategy()
    changes = [f"training.optimizer={optimizer}", f"training.jit={jit}", "training.ema=0.5"]
    config = settings("training.precision=mixed_float16", "training.epochs=1", "training.steps_per_call=1", *changes)
    data = data_set(64)  # four steps of 16 examples, the second half of them on replica 1
    model = planted(model_for(config, data, strategy), step=2, first=8 if replicas == 2 else 0)
    loop = Loop(model, data, config, strategy)
    states, step = [], loop._step

    def watched(elements):
        records = step(elements)
        states.append((state(loop, model), step.layout.unpack(records.numpy()[0])))
        return records

    watched.layout = step.layout
    loop._step = watched
    loop.run()
    records = [record for _, record in states]
    assert [record["skipped"] for record in records] == [0, 0, 1, 0]
    assert [record["loss_scale"] for record in records] == [2.0**15, 2.0**15, 2.0**14, 2.0**14]
    for before, after in zip(states[1][0], states[2][0], strict=True):
        np.testing.assert_array_equal(before, after)
    moved = [not np.array_equal(a, b) for a, b in zip(states[2][0], states[3][0])]
    assert all(moved[: len(model.get_weights())])
    assert all(np.isfinite(value).all() for value in states[3][0])
    assert int(loop.trainers[0].optimizer.iterations.numpy()) == 3
    assert last_skip(loop) == [1]


def test_float16_trains_like_float32(loop_for, settings, data_set):
    losses = {}
    for name in ("float32", "mixed_float16"):
        loop, model = loop_for(settings(f"training.precision={name}", "training.epochs=5"), data_set())
        loop.run()
        losses[name] = [line["validation"]["loss"] for line in loop.history]
        assert all(value.dtype == np.float32 for value in model.get_weights())
    slack = rounding("float16", fan_in(model.encoder, model.decoder))
    np.testing.assert_allclose(losses["mixed_float16"], losses["float32"], rtol=slack)
    assert losses["mixed_float16"][-1] < losses["mixed_float16"][0] - 0.3


def test_the_scale_grows_after_many_finite_steps_and_never_falls_below_one(monkeypatch):
    monkeypatch.setattr(precision, "GROWTH_STEPS", 3)
    scale, seen = precision.LossScale(), []
    for finite in [1, 1, 1, 1, 0, 1, 1, 1] + [0] * 20 + [1] * 90:
        scale.update(tf.constant(bool(finite)))
        seen.append(float(scale.value.numpy()) / precision.FIRST_SCALE)
    assert seen[:8] == [1, 1, 2, 2, 1, 1, 1, 2]
    assert min(seen) == 2.0**-15
    assert max(seen) == precision.LARGEST_SCALE / precision.FIRST_SCALE


def test_other_precisions_carry_no_scale(loop_for, settings, data_set):
    loop, model = loop_for(settings("training.precision=mixed_bfloat16", "training.epochs=1"), data_set())
    loop.run()
    assert not {"skipped", "loss_scale"} & set(loop.history[0]["train"])
    assert not precision.needs_scaling(model)


def test_skipping_on_request_counts_and_goes_on(tmp_path, model_for, settings, data_set):
    config = settings("training.on_nonfinite=skip", "training.epochs=2")
    run, data = Run.create(tmp_path / "run", config, {}), data_set()
    loop = Loop(planted(model_for(config, data), 3, np.nan), data, config, tf.distribute.get_strategy(), Outputs(run))
    loop.run()
    assert [line["train"]["skipped"] for line in run.metrics()] == [1, 0]
    assert int(loop.trainers[0].optimizer.iterations.numpy()) == 11
    assert all(np.isfinite(line["train"][name]) for line in run.metrics() for name in ("loss", "gradient_norm"))


def test_too_many_in_a_row_give_up(tmp_path, model_for, settings, data_set, monkeypatch):
    monkeypatch.setattr(nonfinite, "GIVE_UP", 9)
    config = settings("training.on_nonfinite=skip", "training.epochs=4")
    run, data = Run.create(tmp_path / "run", config, {}), data_set()
    model = planted(model_for(config, data), tf.range(4, 100, dtype=tf.int64))
    loop = Loop(model, data, config, tf.distribute.get_strategy(), Outputs(run))
    with pytest.raises(
        UserError, match=r"9 steps in a row up to step 13 were skipped because they were not finite \(loss"
    ):
        loop.run()


@pytest.mark.parametrize("guarded", [False, True])
def test_update_if_is_to_the_bit(guarded):
    variables = [keras.Variable([1.0, 1e-30]), keras.Variable(3, dtype="int64")]

    @tf.function(jit_compile=guarded)
    def update(finite):
        precision.update_if(finite, lambda: [v.value.assign_add(v.value) for v in variables], variables)

    update(tf.constant(False))
    assert [v.numpy().tolist() for v in variables] == [[1.0, np.float32(1e-30)], 3]
    update(tf.constant(True))
    assert [v.numpy().tolist() for v in variables] == [[2.0, np.float32(2e-30)], 6]
