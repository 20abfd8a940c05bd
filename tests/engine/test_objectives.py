"""Several objectives in one model: named and checked together, each updated by its own optimizer."""

from __future__ import annotations

import dataclasses
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.engine import toy
from tfvae.config import Config
from tfvae.engine.loop import Loop
from tfvae.engine.outputs import Outputs, Silent
from tfvae.engine.signals import Stopped
from tfvae.errors import UserError
from tfvae.runs.folder import Run

FLOAT64 = [
    "training.precision=float64",
    "training.optimizer=sgd",
    "training.learning_rate_schedule=constant",
    "training.steps_per_call=1",
]
CRITIC = {"critic": {"optimizer": "adam", "learning_rate": 0.125}}


class Heard(Silent):
    """Records messages; raises SIGINT after a given number of epochs."""

    def __init__(self, at=None):
        self.said, self._at = [], at

    def say(self, text):
        self.said.append(text)

    def progress(self, epochs):
        if self._at is not None and epochs >= self._at:
            self._at = None
            signal.raise_signal(signal.SIGINT)


@pytest.fixture
def make(settings):
    """A loop on the toy model, its model, and the state after each step by name."""

    def make(*changes, optimizers=None, strategy=None, data=None, outputs=None, compiled=None, **model):
        config = settings(*FLOAT64, *changes)
        config = dataclasses.replace(config, training=dataclasses.replace(config.training, optimizers=optimizers or {}))
        keras.config.set_dtype_policy(config.training.precision)
        strategy = strategy or tf.distribute.get_strategy()
        with strategy.scope():
            duo = toy.Duo(**model)
            if compiled:
                duo.compile(optimizer=compiled)
        loop = Loop(duo, data or toy.data_set(), config, strategy, outputs)
        return loop, duo

    return make


def watched(loop, model):
    """Trains step by step; the variables and the record after each."""
    seen, step = [], loop._step

    def watching(elements):
        records = step(elements)
        seen.append((state(loop, model), step.layout.unpack(records.numpy()[0])))
        return records

    watching.layout = step.layout
    loop._step = watching
    loop.run()
    return seen


def state(loop, model):
    slots = {t.objective.name: [v.numpy() for v in t.optimizer.variables] for t in loop.trainers}
    return {
        "point": model.point.get_weights(),
        "critic": model.critic.get_weights(),
        "mean": [model.mean.numpy()],
        "point slots": slots["point"],
        "critic slots": slots["critic"],
    }


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def assert_close(a, b, **tolerance):
    for x, y in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_allclose(x, y, **tolerance)


def test_an_epoch_ends_and_metrics_are_named(make):
    """Regression: this failed with 'no step of epoch 1 was finite', because no loss had a plain name."""
    loop, _ = make("training.on_nonfinite=skip", group=8)
    loop.run()
    train, validation = loop.history[-1]["train"], loop.history[-1]["validation"]
    named = {"loss", "closeness", "critic/loss", "critic/output", "critic/variance"}
    assert set(validation) == named
    steps = {"gradient_norm", "skipped", "critic/gradient_norm", "critic/skipped", "examples_per_second"}
    assert set(train) == named | steps
    assert train["skipped"] == train["critic/skipped"] == 0
    assert validation["closeness"] > loop.history[0]["validation"]["closeness"]


def test_two_steps_by_hand_at_two_learning_rates(make):
    """All gradients are computed at the weights from before the step; the critic uses Adam."""
    data = toy.data_set()
    loop, model = make("training.learning_rate=0.01", "training.epochs=1", optimizers=CRITIC, data=data)
    seen = watched(loop, model)
    x = next(loop._batches.indices(loop._plan, loop._place, 0, 1))
    x = data.train.x[x].astype(np.float64)
    gradient = 2 * (1 - x).mean(axis=0) + 0.1 * np.ones(3)
    np.testing.assert_allclose(seen[0][0]["point"][0], [1 - 0.01 * gradient], rtol=1e-6)
    # At weights of one and a bias of zero the critic's error is zero, and so is its gradient.
    np.testing.assert_allclose(seen[0][0]["critic"][0], np.ones([3, 1]), rtol=0, atol=1e-12)
    np.testing.assert_allclose(seen[0][0]["mean"][0], 0.5 * x.mean(axis=0), rtol=1e-12)
    # The first step of Adam with a gradient is that of the learning rate, up to its epsilon.
    moved = np.abs(seen[1][0]["critic"][1] - seen[0][0]["critic"][1])
    assert 0.01 < moved[0] < 0.126
    rates = {t.objective.name: float(t.optimizer.learning_rate) for t in loop.trainers}
    assert rates == pytest.approx({"point": 0.01, "critic": 0.125})
    assert [type(t.optimizer).__name__ for t in loop.trainers] == ["SGD", "Adam"]


def test_the_bound_on_the_gradient_is_that_of_each_objective(make):
    loop, model = make("training.clip_norm=5", optimizers={"critic": {"clip_norm": 1e-9}})
    assert [trainer.clip_norm for trainer in loop.trainers] == [5.0, 1e-9]
    loop.run()
    np.testing.assert_allclose(model.critic.get_weights()[0], 1, rtol=1e-8)
    assert np.abs(model.point.get_weights()[0] - 1).min() > 1e-2
    assert loop.history[-1]["train"]["critic/gradient_norm"] > 1e-3


@pytest.mark.parametrize("changes", [[], ["training.jit=on"]], ids=["graph", "jit"])
def test_two_replicas_and_accumulation_equal_one(make, two_replicas, changes):
    changes = ["training.clip_norm=5", *changes]
    ends = {}
    for name, strategy, accumulation in (("one", None, 1), ("parts", None, 2), ("two", two_replicas, 2)):
        loop, model = make(
            *changes, f"training.accumulation={accumulation}", optimizers=CRITIC, strategy=strategy, group=4, begins=2
        )
        loop.run()
        ends[name] = model, loop.history
    for name in ("parts", "two"):
        assert_close(ends[name][0], ends["one"][0], rtol=0, atol=1e-9)
        for got, expected in zip(ends[name][1], ends["one"][1], strict=True):
            for part in ("train", "validation"):
                assert set(got[part]) == set(expected[part])
                for term in set(expected[part]) - {"examples_per_second"}:
                    np.testing.assert_allclose(got[part][term], expected[part][term], rtol=1e-9, err_msg=term)
    assert np.abs(ends["one"][0].mean.numpy()).min() > 0.5


@pytest.mark.parametrize("jit", ["off", "on"])
@pytest.mark.parametrize("where", ["point", "critic"])
def test_an_infinity_in_one_objective_moves_nothing_of_either(make, where, jit):
    changes = ["training.precision=mixed_float16", "training.epochs=2"]
    loop, model = make(*changes, f"training.jit={jit}", optimizers=CRITIC, planted=(where, 2))
    seen = watched(loop, model)
    records = [record for _, record in seen]
    for name in ("", "critic/"):
        # A scale of 2^15 makes the first gradient overflow.
        assert [float(record[name + "skipped"]) for record in records] == [1, 0, 1, 0, 0, 0]
        assert [float(record[name + "loss_scale"]) for record in records] == [2.0**14] * 2 + [2.0**13] * 4
    for name, values in seen[1][0].items():
        assert same(values, seen[2][0][name]), name
        assert not same(seen[2][0][name], seen[3][0][name]), name


@pytest.mark.parametrize("jit", ["off", "on"])
def test_before_it_begins_nothing_of_an_objective_moves(make, jit):
    changes = ["training.epochs=2", f"training.jit={jit}"]
    loop, model = make(*changes, optimizers=CRITIC, begins=4)
    start = state(loop, model)
    seen = watched(loop, model)
    for number, (now, record) in enumerate(seen):
        for name in ("critic", "critic slots", "mean"):
            assert same(now[name], start[name]) == (number < 4), (number, name)
        assert not same(now["point"], start["point"])
        assert np.isfinite([record["critic/loss"], record["critic/gradient_norm"]]).all()
    assert int(loop.trainers[1].optimizer.iterations.numpy()) == 2
    assert int(loop.trainers[0].optimizer.iterations.numpy()) == 6


@pytest.mark.parametrize("at", [0.4, 1.7])
def test_a_run_that_was_stopped_goes_on_to_the_bit(tmp_path, make, at):
    changes = ["training.learning_rate_schedule=cosine", "training.on_nonfinite=skip"]
    arguments = dict(optimizers=CRITIC, begins=3, group=8)

    def start(name, heard=None):
        folder = tmp_path / name
        run = Run.open(folder) if folder.exists() else Run.create(folder, Config(), {})
        return make(*changes, outputs=Outputs(run, heard or Heard()), **arguments)

    whole, expected = start("whole")
    whole.run()
    loop, _ = start("stopped", Heard(at))
    with pytest.raises(Stopped):
        loop.run()
    loop, model = start("stopped")
    model.set_weights([value + 7 for value in model.get_weights()])
    assert 0 < loop.resume() < 9
    loop.run()
    assert_close(model, expected, rtol=0, atol=0)
    assert same(state(loop, model)["critic slots"], state(whole, expected)["critic slots"])
    for got, wanted in zip(loop.history, whole.history, strict=True):
        assert got["validation"] == wanted["validation"]


@pytest.mark.parametrize(("judged", "best"), [("loss", min), ("closeness", max), ("critic/output", min)])
def test_the_best_epoch_is_that_of_the_term_it_is_judged_by(tmp_path, make, judged, best):
    changes = ["training.learning_rate=0.9", "training.epochs=6"]
    loop, _ = make(*changes, judged=judged, outputs=Outputs(Run.create(tmp_path / "run", Config(), {})))
    loop.run()
    values = [line["validation"][judged] for line in loop.history]
    assert loop.best_epoch == values.index(best(values)) + 1
    assert float(loop.evaluate(toy.data_set().validation)[judged]) == pytest.approx(best(values), rel=1e-9)


def test_judged_by_none_keeps_the_last_weights_and_trains_to_the_end(tmp_path, make):
    changes = ["training.learning_rate=0.9", "training.epochs=6", "training.early_stopping=1"]
    heard = Heard()
    loop, _ = make(*changes, judged=None, outputs=Outputs(Run.create(tmp_path / "run", Config(), {}), heard))
    loop.run()
    assert (
        "early stopping is ignored: this model has no term to compare epochs by, so all epochs are trained."
        in heard.said
    )
    assert loop.best_epoch == len(loop.history) == 6
    last = loop.history[-1]["validation"]["loss"]
    assert float(loop.evaluate(toy.data_set().validation)["loss"]) == pytest.approx(last, rel=1e-12)


def test_a_term_that_is_not_reported_cannot_judge(make):
    loop, _ = make(judged="elbo")
    with pytest.raises(
        UserError, match="selects its best epoch by 'elbo', which it does not report; it reports loss, closeness"
    ):
        loop.run()


def test_compiled_optimizers_go_to_their_objectives(make):
    adam = keras.optimizers.Adam(0.5)
    loop, model = make(compiled={"point": keras.optimizers.SGD(0.25), "critic": adam})
    assert [trainer.optimizer for trainer in loop.trainers] == [model.optimizer, adam]
    loop, model = make(compiled=keras.optimizers.SGD(0.25))
    main, other = (trainer.optimizer for trainer in loop.trainers)
    assert main is model.optimizer is not other
    assert (type(other).__name__, float(other.learning_rate)) == ("SGD", 0.25)
    assert model.optimizers == {"critic": other}


def test_settings_for_what_there_is_not_are_refused(make):
    with pytest.raises(UserError, match=r"training\.optimizers: no objective 'critik' \(did you mean critic\?\)"):
        make(optimizers={"critik": {}})
    with pytest.raises(UserError, match=r"training\.optimizers\.point: .*set training\.learning_rate"):
        make(optimizers={"point": {"learning_rate": 0.1}})


@pytest.mark.parametrize(
    ("changes", "replicas", "said"),
    [
        (
            ["training.batch_size=24"],
            1,
            r"processes 24 of a batch of 24 .* set training.batch_size=32 or objective.group=",
        ),
        (
            ["training.accumulation=4"],
            1,
            r"processes 4 of a batch of 16 .* set .*=64 or training.accumulation=1 or .*=4",
        ),
        (
            [],
            2,
            r"8 of a batch of 16 at a time, which is not a multiple of 16; set training.batch_size=32 or .*=8",
        ),
    ],
)
def test_a_share_that_is_no_multiple_of_the_group_is_refused(make, two_replicas, changes, replicas, said):
    with pytest.raises(UserError, match=said):
        make(*changes, group=16, strategy=two_replicas if replicas == 2 else None)


def test_the_penalty_is_in_the_loss_and_its_groups_are_those_of_the_batch(make):
    """By hand, for groups smaller than the batch; validation has 10 examples, of which the last group has two."""
    data = toy.data_set()
    loop, model = make("training.epochs=1", "training.learning_rate=1e-12", group=4, data=data)
    seen = watched(loop, model)
    batch = data.train.x[next(loop._batches.indices(loop._plan, loop._place, 0, 1))].astype(np.float64)

    def error(x):
        output = x.sum(axis=1)
        return np.square(output - x.sum(axis=1)).mean()

    variance = batch.sum(axis=1).reshape(4, 4).var(axis=1, ddof=1).mean()
    np.testing.assert_allclose(seen[0][1]["critic/variance"], variance, rtol=1e-9)
    np.testing.assert_allclose(seen[0][1]["critic/loss"], error(batch) + 0.25 * variance, rtol=1e-9)
    for size, groups in ((10, [4, 4, 2]), (9, [4, 4])):
        x = data.validation.x[:size].astype(np.float64)
        rows = np.split(x.sum(axis=1), np.cumsum(groups))[: len(groups)]
        by_hand = np.average([row.var(ddof=1) for row in rows], weights=groups)
        got = loop.evaluate(data.validation.take(np.arange(size)))
        np.testing.assert_allclose(got["critic/variance"], by_hand, rtol=1e-9)
        np.testing.assert_allclose(got["critic/loss"], error(x) + 0.25 * by_hand, rtol=1e-9)
        np.testing.assert_allclose(got["critic/output"], x.sum(axis=1).mean(), rtol=1e-9)
