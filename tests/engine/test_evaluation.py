"""`tfvae.engine.evaluation`: every example once, whatever the batches."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfvae.engine.evaluation import Evaluation

FLOAT64 = "training.precision=float64"


@pytest.fixture(scope="module")
def data(data_set):
    return data_set(validation=300)


def test_the_means_are_those_of_every_example(model_for, settings, data):
    config = settings(FLOAT64, "seed=5", "training.batch_size=64", "objective.kl_weight=2")
    model = model_for(config, data)
    terms = Evaluation(
        model, data.validation, data.scaling, config, False, tf.distribute.get_strategy(), squared_error=True
    )({"kl_weight": 2.0, "capacity": 0.0})
    x = data.scaling.forward(data.validation.x, "float64")
    each = model.elbo(x, seed=5)
    for name in ("elbo", "reconstruction", "kl"):
        assert terms[name] == pytest.approx(np.mean(getattr(each, name)), rel=1e-12)
    np.testing.assert_allclose(terms["kl_per_dimension"], each.kl_per_dimension.mean(axis=0), rtol=1e-12)
    assert terms["loss"] == pytest.approx(np.mean(2 * each.kl - each.reconstruction), rel=1e-12)
    error = np.square(x - model.reconstruct(x).numpy()).mean()
    assert terms["squared_error_per_value"] == pytest.approx(error, rel=1e-12)


def test_the_batch_size_changes_nothing(model_for, settings, data):
    """256 + 44 and padding, or 300 at once; with the binary form drawn once for each example."""
    got = []
    for size in (64, 300):
        config = settings(FLOAT64, "data.binarize=dynamic", f"training.batch_size={size if size == 64 else 100}")
        model = model_for(config, data)
        evaluation = Evaluation(model, data.validation, data.scaling, config, False, tf.distribute.get_strategy())
        evaluation._size = 256 if size == 64 else 300
        got += [evaluation({"kl_weight": 1.0, "capacity": 0.0}), evaluation({"kl_weight": 1.0, "capacity": 0.0})]
    for name, value in got[0].items():
        np.testing.assert_array_equal(got[1][name], value)
        np.testing.assert_allclose(got[2][name], value, rtol=1e-12, err_msg=name)


def test_labels_reach_the_model(model_for, settings, data, monkeypatch):
    config = settings(FLOAT64)
    model, seen = model_for(config, data), []
    terms = model.loss_terms

    def looking(batch, *arguments, **options):
        seen.append(batch.y)
        return terms(batch, *arguments, **options)

    monkeypatch.setattr(model, "loss_terms", looking)
    Evaluation(model, data.validation, data.scaling, config, False, tf.distribute.get_strategy())(
        {"kl_weight": 1.0, "capacity": 0.0}
    )
    assert seen
    assert all(y is not None and y.dtype == "int64" for y in seen)
