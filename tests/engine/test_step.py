"""`tfvae.engine.step`: against hand computation, with clipping, on one and two replicas, without double reduction."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tolerance import rounding
from tfvae.config import Objective as Settings
from tfvae.data import pipeline
from tfvae.data.scaling import Scaling
from tfvae.data.splits import Split
from tfvae.engine import optimizers
from tfvae.engine import step as step_module
from tfvae.engine.batches import Batches
from tfvae.engine.plan import Plan
from tfvae.engine.step import Step
from tfvae.engine.trainer import Trainer
from tfvae.objectives import schedules
from tfvae.objectives.loss import Loss, Objective

X = np.random.default_rng(0).normal(size=[8, 3])
START = np.array([1.0, -2.0, 0.5])
RATE = 0.125  # exact in float32, in which Keras stores it
TWO_STEPS = np.arange(8).reshape(2, 4)


class Point:
    """Squared distance to a point w: a minimal model for the step, whose gradient is w - mean(x)."""

    def __init__(self, objective=None):
        self.w, self._objective = keras.Variable(START, dtype="float64"), objective or Settings()

    def objectives(self):
        return [Objective("point", [self.w], self.loss)]

    def schedule(self, step, steps_per_epoch):
        return {"kl_weight": schedules.kl_weight(step, self._objective, steps_per_epoch)}

    def loss(self, batch, address, schedule, training):
        error = tf.convert_to_tensor(self.w) - batch.x
        return Loss(0.5 * tf.reduce_sum(tf.square(error), axis=-1), {"x": batch.x})


class TwoPoints(Point):
    """Two objectives, as adversarial families have them."""

    def __init__(self, objective=None):
        super().__init__(objective)
        self.v = keras.Variable(2 * START, dtype="float64")

    def objectives(self):
        def tripled(batch, address, schedule, training):
            return Loss(3.0 * tf.reduce_sum(tf.convert_to_tensor(self.v) * batch.x, axis=-1), {"v": batch.x})

        return [*super().objectives(), Objective("slope", [self.v], tripled, main=False)]


def make_step(settings, *changes, kind=Point, strategy=None, x=X, scaling=None, jit=False, jit_loop=False):
    config = settings("training.batch_size=4", "training.precision=float64", "training.optimizer=sgd", *changes)
    strategy = strategy or tf.distribute.get_strategy()
    training = config.training
    with strategy.scope():
        model, trainers = kind(config.objective), []
        for objective in model.objectives():
            optimizer = keras.optimizers.SGD(RATE)
            optimizers.prepare(optimizer, objective.variables)
            trainers.append(Trainer(objective, optimizer, clip_norm=training.clip_norm))
    feed = pipeline.feed(Split(x))
    batches = Batches(feed, len(x), scaling or Scaling.identity(), config.data.binarize, config.seed)
    replicas = strategy.num_replicas_in_sync
    plan = Plan(training.batch_size, training.accumulation, replicas, steps_per_epoch=4, jit=jit, jit_loop=jit_loop)
    step = Step(trainers, model.schedule, batches, plan, strategy)

    def run(indices, steps_per_call=50):
        records = [step(element).numpy() for element in feed.calls(np.asarray(indices), lambda: steps_per_call)]
        return step.layout.unpack(np.concatenate(records))

    return model, run


@pytest.fixture(autouse=True)
def _policy(float64):
    """Closed forms are compared in float64."""


@pytest.mark.parametrize(
    ("jit", "jit_loop"), [(False, False), (True, False), (True, True)], ids=["graph", "jit", "loop"]
)
def test_two_steps_by_hand(settings, jit, jit_loop):
    model, run = make_step(settings, jit=jit, jit_loop=jit_loop)
    record = run(TWO_STEPS)
    w, losses, norms = START, [], []
    for batch in (X[:4], X[4:]):
        losses.append(0.5 * np.square(w - batch).sum(axis=1).mean())
        norms.append(np.linalg.norm(w - batch.mean(axis=0)))
        w = w - RATE * (w - batch.mean(axis=0))
    np.testing.assert_allclose(model.w.numpy(), w, rtol=1e-14)
    np.testing.assert_allclose(record["loss"], losses, rtol=1e-14)
    np.testing.assert_allclose(record["gradient_norm"], norms, rtol=1e-14)
    np.testing.assert_allclose(record["x"], [X[:4].mean(axis=0), X[4:].mean(axis=0)], rtol=1e-14)


def test_a_compiled_loop_of_any_length_is_the_same(settings, monkeypatch):
    monkeypatch.setattr(step_module, "LOOP", 2)
    steps = np.random.default_rng(1).integers(0, len(X), [5, 4])
    results = {}
    for steps_per_call in (1, 3, 5):
        model, run = make_step(settings, jit=True, jit_loop=True)
        results[steps_per_call] = [run(steps, steps_per_call)["loss"], model.w.numpy()]
    plain, run = make_step(settings)
    np.testing.assert_allclose(run(steps)["loss"], results[5][0], rtol=1e-14)
    np.testing.assert_allclose(plain.w.numpy(), results[5][1], rtol=1e-14)
    for losses, w in results.values():
        np.testing.assert_allclose(losses, results[5][0], rtol=1e-14)
        np.testing.assert_array_equal(w, results[5][1])


def test_clipping_shortens_the_gradient_and_reports_it_whole(settings):
    model, run = make_step(settings, "training.clip_norm=0.5")
    record = run(TWO_STEPS[:1])
    gradient = START - X[:4].mean(axis=0)
    norm = np.linalg.norm(gradient)
    assert norm > 0.5
    np.testing.assert_allclose(model.w.numpy(), START - RATE * 0.5 * gradient / norm, rtol=1e-6)
    np.testing.assert_allclose(record["gradient_norm"], [norm], rtol=1e-14)


def test_a_gradient_within_the_bound_is_left_alone(settings):
    clipped, run = make_step(settings, "training.clip_norm=100")
    run(TWO_STEPS)
    free, run = make_step(settings)
    run(TWO_STEPS)
    np.testing.assert_array_equal(clipped.w.numpy(), free.w.numpy())


def test_two_replicas_sum_gradients_once(settings, two_replicas):
    """Fails if Keras reduces gradients anywhere except in the method that `optimizers.prepare` replaces."""
    one, run = make_step(settings, "training.clip_norm=0.5")
    expected = run(TWO_STEPS)
    two, run = make_step(settings, "training.clip_norm=0.5", strategy=two_replicas)
    record = run(TWO_STEPS)
    np.testing.assert_allclose(two.w.numpy(), one.w.numpy(), rtol=1e-14)
    for name, value in expected.items():
        np.testing.assert_allclose(record[name], value, rtol=1e-13, err_msg=name)


def test_each_objective_has_its_variables_and_its_names(settings):
    model, run = make_step(settings, kind=TwoPoints)
    record = run(TWO_STEPS[:1])
    mean = X[:4].mean(axis=0)
    np.testing.assert_allclose(model.w.numpy(), START - RATE * (START - mean), rtol=1e-14)
    np.testing.assert_allclose(model.v.numpy(), 2 * START - RATE * 3 * mean, rtol=1e-14)
    np.testing.assert_allclose(record["slope/gradient_norm"], [3 * np.linalg.norm(mean)], rtol=1e-14)
    np.testing.assert_allclose(record["slope/loss"], [3 * (2 * START * X[:4]).sum(axis=1).mean()], rtol=1e-14)
    names = {"loss", "x", "gradient_norm", "slope/loss", "slope/v", "slope/gradient_norm", "kl_weight"}
    assert set(record) == names


def test_dynamic_binarisation_is_drawn_afresh_each_step(settings):
    grey = np.array([[0, 25, 128, 230, 255]], np.uint8)
    changes = ["training.batch_size=1", "data.binarize=dynamic"]
    unit = Scaling("unit", 0.0, 255.0, True)

    class Five(Point):
        def __init__(self, objective):
            super().__init__(objective)
            self.w = keras.Variable(np.zeros(5), dtype="float64")

    drawn = []
    for steps_per_call in (400, 7):
        _, run = make_step(settings, *changes, kind=Five, x=grey, scaling=unit)
        drawn.append(run(np.zeros([400, 1], np.int64), steps_per_call)["x"])
    assert set(np.unique(drawn[0])) == {0.0, 1.0}
    # Five standard deviations of a mean of 400 draws; 0 and 255 are certain.
    deviation = np.sqrt(grey[0] / 255 * (1 - grey[0] / 255) / 400)
    assert np.all(np.abs(drawn[0].mean(axis=0) - grey[0] / 255) <= 5 * deviation)
    np.testing.assert_array_equal(drawn[0], drawn[1])


def test_threshold_binarisation_is_the_same_each_step(settings):
    grey = np.array([[100, 127, 128]], np.uint8)
    _, run = make_step(
        settings, "training.batch_size=1", "data.binarize=threshold", x=grey, scaling=Scaling("unit", 0.0, 255.0, True)
    )
    np.testing.assert_array_equal(run(np.zeros([3, 1], np.int64))["x"], [[0, 0, 1]] * 3)


def test_the_weight_of_the_kl_reaches_the_record(settings):
    changes = ["objective.kl_weight=3", "objective.kl_schedule=linear", "objective.kl_warmup=2"]
    _, run = make_step(settings, *changes)
    weights = run(np.tile(TWO_STEPS, [5, 1]), steps_per_call=3)["kl_weight"]
    np.testing.assert_allclose(weights, 3 * np.minimum(np.arange(10) / 8, 1), rtol=rounding("float32"))


def test_a_schedule_never_retraces(settings, monkeypatch):
    traces, kl_weight = [], schedules.kl_weight

    def counted(*arguments):
        traces.append(1)
        return kl_weight(*arguments)

    monkeypatch.setattr(schedules, "kl_weight", counted)
    changes = ["objective.kl_schedule=cyclical", "objective.capacity=5", "training.learning_rate_warmup=1"]
    _, run = make_step(settings, *changes)
    run(np.tile(TWO_STEPS, [4, 1]), steps_per_call=3)  # calls of 3, 3 and 2 steps
    after_first_epoch = len(traces)
    weights = [run(np.tile(TWO_STEPS, [4, 1]), steps_per_call=3)["kl_weight"] for _ in range(6)]
    assert len(np.unique(weights)) > 4
    assert len(traces) == after_first_epoch
