"""`tfvae.engine.loop`: the same result for any split into calls and processes, and a message for every event."""

from __future__ import annotations

import signal

import numpy as np
import pytest
import tensorflow as tf

from tfvae.engine.checkpoints import Checkpoints
from tfvae.engine.loop import Loop
from tfvae.engine.outputs import Outputs
from tfvae.engine.signals import Stopped
from tfvae.errors import UserError
from tfvae.runs.folder import Run
from tfvae.runs.progress import Reporter

TRAINED = ["training.precision=float64", "training.epochs=4"]


class Heard(Reporter):
    """Records messages; raises a signal after a given number of epochs."""

    def __init__(self, number=None, at=None):
        super().__init__(1, quiet=True)
        self.said, self._number, self._at = [], number, at

    def say(self, text):
        self.said.append(text)

    def progress(self, epochs):
        if self._at is not None and epochs >= self._at:
            self._at = None
            signal.raise_signal(self._number)


def weights(model):
    return [np.array(value) for value in model.get_weights()]


def assert_equal(a, b):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)


def without_rate(lines):
    return [{**line, "train": {k: v for k, v in line["train"].items() if k != "examples_per_second"}} for line in lines]


@pytest.fixture(scope="module")
def ran(loop_for, demanding, data_set):
    """Trains the float64 configuration with some changes; returns its weights and its history."""

    def run(*changes, strategy=None):
        loop, model = loop_for(demanding(*TRAINED, *changes), data_set(), strategy)
        loop.run()
        return weights(model), loop.history

    return run


@pytest.fixture(scope="module")
def as_it_is(ran):
    return ran("training.steps_per_call=50")


def assert_close(got, expected, atol):
    for x, y in zip(got, expected, strict=True):
        np.testing.assert_allclose(x, y, rtol=0, atol=atol)


def test_two_replicas_equal_one(ran, as_it_is, two_replicas):
    """Everything that a line of the metrics says; the losses of each step are in `test_same_curve.py`."""
    got, lines = ran(strategy=two_replicas)
    assert lines[-1]["step"] == 24
    assert_close(got, as_it_is[0], 1e-9)
    for part in ("train", "validation"):
        names = [name for name in lines[-1][part] if name != "examples_per_second"]
        assert names
        for name in names:
            np.testing.assert_allclose(lines[-1][part][name], as_it_is[1][-1][part][name], rtol=1e-9, err_msg=name)


def test_the_elbo_rises_and_the_prior_learns(as_it_is):
    lines = as_it_is[1]
    assert lines[-1]["validation"]["elbo"] > lines[0]["validation"]["elbo"] + 0.1
    assert lines[-1]["train"]["kl_weight"] == 1
    assert 0 < lines[0]["train"]["kl_weight"] < 0.5


def test_the_line_of_an_epoch(as_it_is):
    for number, line in enumerate(as_it_is[1], 1):
        train, validation = line["train"], line["validation"]
        assert (line["epoch"], line["step"]) == (number, 6 * number)
        assert set(validation) == {"loss", "elbo", "reconstruction", "kl", "kl_per_dimension", "active_units"}
        assert set(train) == set(validation) | {"gradient_norm", "kl_weight", "examples_per_second"}
        assert train["examples_per_second"] > 0
        for terms in (train, validation):
            assert terms["elbo"] == pytest.approx(terms["reconstruction"] - terms["kl"], rel=1e-9)
            assert sum(terms["kl_per_dimension"]) == pytest.approx(terms["kl"], rel=1e-9)
            assert terms["active_units"] in (0, 1, 2)
        assert validation["loss"] == pytest.approx(-validation["elbo"], rel=1e-9)


def test_bfloat16_networks_train_with_float32_losses(loop_for, settings, data_set):
    loop, model = loop_for(settings("training.precision=mixed_bfloat16", "training.epochs=2"), data_set())
    loop.run()
    assert loop.history[1]["train"]["loss"] < loop.history[0]["train"]["loss"]
    assert all(value.dtype == np.float32 for value in weights(model))


OVERFITTING = ["training.precision=float64", "training.learning_rate=0.2", "training.epochs=40"]


@pytest.fixture
def overfitted(data_set):
    """Sixteen training images, and validation images with another distribution."""
    rng = np.random.default_rng(3)
    data = data_set(16, 16)
    data.validation.x[...] = rng.integers(0, 256, data.validation.x.shape)
    return data


def test_the_best_weights_are_in_place_at_the_end(tmp_path, loop_for, settings, overfitted):
    config = settings(*OVERFITTING)
    loop, _ = loop_for(config, overfitted, run=Run.create(tmp_path / "run", config, {}))
    loop.run()
    losses = [line["validation"]["loss"] for line in loop.history]
    assert loop.best_epoch == int(np.argmin(losses)) + 1 < len(losses) == 40
    assert float(loop.evaluate(overfitted.validation)["loss"]) == pytest.approx(min(losses), rel=1e-12)


@pytest.mark.parametrize("replicas", [1, 2])
def test_averaged_weights_are_judged_and_kept(tmp_path, loop_for, settings, data_set, two_replicas, replicas):
    """By hand: the loss of each epoch is that of the averages, which follow from the weights after each step."""
    config = settings("training.precision=float64", "training.ema=0.75", "training.steps_per_call=1")
    run, strategy = Run.create(tmp_path / "run", config, {}), two_replicas if replicas == 2 else None
    loop, model = loop_for(config, data_set(), strategy, run=run)
    average, step, averages = None, loop._step, []

    def watched(elements):
        nonlocal average
        records = step(elements)
        now = weights(model)
        average = now if average is None else [0.75 * a + 0.25 * w for a, w in zip(average, now)]
        averages.append(average)
        return records

    watched.layout = step.layout
    loop._step = watched
    loop.run()
    assert_close(weights(model), averages[6 * loop.best_epoch - 1], 1e-6)  # Keras stores the decay in float32
    last = loop.history[loop.best_epoch - 1]["validation"]["loss"]
    assert float(loop.evaluate(data_set().validation)["loss"]) == pytest.approx(last, rel=1e-12)


def test_early_stopping(tmp_path, loop_for, settings, overfitted):
    config = settings(*OVERFITTING, "training.early_stopping=3")
    heard = Heard()
    loop, _ = loop_for(config, overfitted, run=Run.create(tmp_path / "run", config, {}), reporter=heard)
    loop.run()
    assert len(loop.history) == loop.best_epoch + 3 < 40
    assert f"early stopping: no better validation loss since epoch {loop.best_epoch}." in heard.said


def test_the_last_partial_batch_is_dropped_and_said(loop_for, settings, data_set):
    heard = Heard()
    loop, _ = loop_for(settings("training.epochs=1"), data_set(37), reporter=heard)
    loop.run()
    assert (loop.steps_per_epoch, loop.history[0]["step"]) == (2, 2)
    assert heard.said[0] == "each epoch drops the 5 examples of its last partial batch."
    loop_for(settings(), data_set(48), reporter=(silent := Heard()))
    assert silent.said == []


def test_a_batch_larger_than_the_data_is_refused(loop_for, settings, data_set):
    with pytest.raises(UserError, match=r"training\.batch_size: got 64, expected at most the 40 training examples"):
        loop_for(settings("training.batch_size=64"), data_set(40))


def test_parts_that_do_not_divide_the_batch_are_refused(loop_for, settings, data_set):
    with pytest.raises(
        UserError, match=r"training\.accumulation: got 3, expected a divisor of the 16 examples that each"
    ):
        loop_for(settings("training.accumulation=3"), data_set())


def test_a_profile_of_the_steps_asked_for(tmp_path, loop_for, settings, data_set):
    config = settings("training.epochs=2")
    run = Run.create(tmp_path / "run", config, {})
    loop, _ = loop_for(config, data_set(), run=run, profile=3)
    loop.run()
    [written] = run.tensorboard.rglob("*.xplane.pb")
    assert written.stat().st_size > 1000
    assert len(loop.history) == 2


def test_neither_validation_nor_test_examples_are_trained_on(loop_for, settings, data_set):
    ends = []
    for value in (0, 255):
        data = data_set()
        data.validation.x[...] = value
        data.test.x[...] = value
        loop, model = loop_for(settings(), data)
        loop.run()
        ends.append((weights(model), [line["validation"]["loss"] for line in loop.history]))
    assert_equal(ends[0][0], ends[1][0])
    assert ends[0][1] != ends[1][1]


@pytest.fixture
def often(monkeypatch):
    """A checkpoint after every call, without a minimum time."""
    monkeypatch.setattr(Checkpoints, "due", True)


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path, model_for, settings, data_set, monkeypatch, often):
    config, data = settings(), data_set()
    run, model = Run.create(tmp_path / "run", config, {}), model_for(config, data)
    [objective] = model.objectives()

    def breaking(batch, address, schedule, training):
        loss = objective.loss(batch, address, schedule, training)
        return loss._replace(total=tf.where(address.step == 8, np.nan, loss.total))

    monkeypatch.setattr(model, "objectives", lambda: [objective._replace(loss=breaking)])
    with pytest.raises(UserError) as caught:
        Loop(model, data, config, tf.distribute.get_strategy(), Outputs(run)).run()
    said = str(caught.value)
    assert "the loss is not finite at step 9 (loss nan, elbo -" in said
    assert f"the last good checkpoint is {run.checkpoints / 'last-6'}" in said
    assert [line["epoch"] for line in run.metrics()] == [1]
    monkeypatch.undo()
    whole = model_for(config, data, weights=1)
    loop = Loop(whole, data, config, tf.distribute.get_strategy(), Outputs(Run.open(run.folder)))
    assert loop.resume() == 6
    assert all(np.isfinite(value).all() for value in weights(whole))


def test_a_validation_loss_that_is_not_finite_stops_the_run_before_it_is_saved(
    tmp_path, loop_for, settings, data_set, monkeypatch
):
    config = settings("training.optimizer=sgd", "training.learning_rate=1e30", "training.batch_size=100")
    run = Run.create(tmp_path / "run", config, {})
    loop, _ = loop_for(config, data_set(), run=run)
    with pytest.raises(UserError, match=r"the validation loss is not finite at step 1 \(.*no checkpoint was written"):
        loop.run()
    assert run.metrics() == []


@pytest.fixture(scope="module")
def never_stopped(tmp_path_factory, loop_for, demanding, data_set):
    config = demanding(*TRAINED)
    run = Run.create(tmp_path_factory.mktemp("never") / "run", config, {})
    loop, model = loop_for(config, data_set(), run=run)
    loop.run()
    return weights(model), without_rate(run.metrics()), loop.best_epoch


@pytest.mark.parametrize(
    ("number", "at", "code"),
    [
        (signal.SIGINT, 0.1, 130),
        (signal.SIGINT, 1.5, 130),
        (signal.SIGTERM, 2.0, 143),
        (signal.SIGINT, 4.0, 130),
    ],
    ids=["in the first call", "in mid-epoch", "at the end of an epoch", "at the very end"],
)
def test_a_run_that_was_stopped_goes_on_to_the_bit(
    tmp_path, loop_for, demanding, data_set, never_stopped, number, at, code
):
    config, heard = demanding(*TRAINED), Heard(number, at)
    run = Run.create(tmp_path / "run", config, {})
    loop, _ = loop_for(config, data_set(), run=run, reporter=heard)
    with pytest.raises(Stopped) as stopped:
        loop.run()
    assert stopped.value.code == code
    assert "--resume continues from it" in heard.said[-1]
    loop, model = loop_for(config, data_set(), weights=99, run=Run.open(run.folder))
    assert 0 < loop.resume() <= 24
    loop.run()
    assert_equal(weights(model), never_stopped[0])
    assert without_rate(run.metrics()) == without_rate(loop.history) == never_stopped[1]
    assert loop.best_epoch == never_stopped[2]


def test_a_validation_that_was_interrupted_is_made_anew(tmp_path, loop_for, demanding, data_set):
    config = demanding(*TRAINED, "training.ema=0.9")
    whole, expected = loop_for(config, data_set(), run=Run.create(tmp_path / "whole", config, {}))
    whole.run()
    run = Run.create(tmp_path / "run", config, {})
    loop, _ = loop_for(config, data_set(), run=run)
    validation = loop._validation

    def asked_in_the_second(*arguments):
        if loop.history:
            signal.raise_signal(signal.SIGTERM)
        return validation(*arguments)

    loop._validation = asked_in_the_second
    with pytest.raises(Stopped):
        loop.run()
    assert [line["epoch"] for line in run.metrics()] == [1]
    loop, model = loop_for(config, data_set(), weights=99, run=Run.open(run.folder))
    assert loop.resume() == 12
    loop.run()
    assert_equal(weights(model), weights(expected))
    assert without_rate(run.metrics()) == without_rate(whole.history)


def test_every_state_of_an_optimizer_is_resumed(tmp_path, loop_for, settings, data_set):
    """Nadam stores a product over all its steps besides its slots."""
    config = settings("training.optimizer=nadam", "training.learning_rate_schedule=linear")
    whole, expected = loop_for(config, data_set(), run=Run.create(tmp_path / "whole", config, {}))
    whole.run()
    run = Run.create(tmp_path / "run", config, {})
    loop, _ = loop_for(config, data_set(), run=run, reporter=Heard(signal.SIGINT, 1.5))
    with pytest.raises(Stopped):
        loop.run()
    loop, model = loop_for(config, data_set(), weights=99, run=run)
    loop.resume()
    loop.run()
    assert_equal(weights(model), weights(expected))
    assert without_rate(loop.history) == without_rate(whole.history)


def test_a_run_cut_off_before_its_first_checkpoint_begins_anew(tmp_path, loop_for, settings, data_set):
    config = settings()
    run = Run.create(tmp_path / "run", config, {})
    run.append_metrics({"epoch": 1, "step": 6, "train": {}, "validation": {}})  # killed between line and checkpoint
    loop, _ = loop_for(config, data_set(), run=run)
    assert loop.resume() == 0
    loop.run()
    assert [line["epoch"] for line in run.metrics()] == [1, 2, 3]


def test_lines_after_the_checkpoint_are_made_again(tmp_path, loop_for, settings, data_set, often):
    config = settings("training.epochs=2")
    run = Run.create(tmp_path / "run", config, {})
    loop, _ = loop_for(config, data_set(), run=run)
    loop.run()
    first = run.metrics()
    for path in run.checkpoints.glob("last-12*"):
        path.unlink()
    with open(run.folder / "metrics.jsonl", "a") as file:
        file.write('{"epoch": 3, "st')
    loop, _ = loop_for(config, data_set(), weights=99, run=run)
    assert loop.resume() == 10  # in the middle of the second epoch
    assert [line["epoch"] for line in run.metrics()] == [1]
    loop.run()
    assert without_rate(run.metrics()) == without_rate(first)


def test_resuming_needs_a_run(loop_for, settings, data_set):
    loop, _ = loop_for(settings(), data_set())
    with pytest.raises(UserError, match="needs a run folder"):
        loop.resume()


def test_the_speed_leaves_out_the_call_that_compiles(loop_for, settings, data_set):
    loop, _ = loop_for(settings("training.steps_per_call=2"), data_set())
    loop.run()
    assert loop.clock.steps == 3 * 6 - 2
    assert 0 < loop.clock.seconds < loop.elapsed
    assert 0 < loop.clock.host_share < 1
