"""`tfvae.data.views`: the bits of the evaluation, for whoever looks at examples."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfvae import config, noise
from tfvae.data import load, views
from tfvae.data.condition import Condition
from tfvae.engine.evaluation import Evaluation
from tfvae.errors import UserError


def test_load_says_how_and_under_which_seed_examples_become_binary():
    settings = config.data.Digits(binarize="dynamic")
    data = load.load(settings, seed=5)
    assert (data.binarize, data.seed) == ("dynamic", 5)
    uniform = noise.uniform(noise.Address(5, noise.BINARISATION, noise.LAST_STEP), [20, 8, 8, 1])[0].numpy()
    expected = uniform < data.scaling.forward(data.test.x[:20])
    np.testing.assert_array_equal(views.first(data, "test", 20).x, expected)


@pytest.mark.parametrize("binarize", ["none", "dynamic"])
def test_the_elbo_of_a_view_is_the_evaluations(binarize, data_set, settings, model_for):
    """Under a seed other than 0, where noise keyed by 0 would give other binary data."""
    data = data_set(test=300, binarize=binarize, seed_of_run=5)
    changes = f"data.binarize={binarize}", "seed=5", "training.precision=float64"
    made = settings(*changes)
    model = model_for(made, data)
    evaluation = Evaluation(model, data.test, data.scaling, made, False, tf.distribute.get_strategy())
    view = views.first(data, "test", dtype="float64")
    assert len(view) == 300
    seen = evaluation(model.schedule())
    assert np.mean(model.elbo(view.x, seed=5).elbo) == pytest.approx(float(seen["elbo"]), rel=1e-12)


def test_the_bits_are_the_evaluations_in_float32(data_set, settings, model_for, monkeypatch):
    data = data_set(test=300, binarize="dynamic", seed_of_run=5)
    made = settings("data.binarize=dynamic", "seed=5")
    model, seen = model_for(made, data), []
    loss_terms = model.loss_terms

    def looking(batch, *arguments, **options):
        seen.append(tf.identity(batch.x))
        return loss_terms(batch, *arguments, **options)

    monkeypatch.setattr(model, "loss_terms", looking)
    evaluation = Evaluation(model, data.test, data.scaling, made, False, tf.distribute.get_strategy())
    with_eager = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        evaluation(model.schedule())
    finally:
        tf.config.run_functions_eagerly(with_eager)
    bits = np.concatenate([np.asarray(part) for part in seen])[:300]
    np.testing.assert_array_equal(views.first(data, "test").x, bits)
    np.testing.assert_array_equal(views.first(data, "test", 7).x, bits[:7])


def test_raw_values_and_labels_come_along(data_set):
    data = data_set()
    view = views.first(data, "validation", 4)
    np.testing.assert_array_equal(view.raw, data.validation.x[:4])
    np.testing.assert_array_equal(view.labels, data.validation.y[:4])
    assert (view.y, view.split, len(view)) == (None, "validation", 4)


def test_y_is_the_conditions(data_set):
    data = data_set()
    condition = Condition("label", ("a", "b", "c"))
    y = views.first(data, "test", 5, condition=condition).y
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, np.eye(3)[data.test.y[:5]])


def test_the_split_to_judge_by_is_the_first_that_has_examples(data_set):
    assert views.held_out(data_set()) == "test"
    assert views.held_out(data_set(test=0)) == "validation"
    assert views.held_out(data_set(test=0, validation=0)) == "train"


def test_an_unknown_split_is_named(data_set):
    with pytest.raises(UserError, match="got 'tests', expected one of test, validation, train"):
        views.first(data_set(), "tests")
