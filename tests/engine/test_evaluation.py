"""`tfvae.engine.evaluation`: every example counts once, for any batch size."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfvae.engine.batches import Batches
from tfvae.engine.evaluation import Evaluation
from tfvae.engine.plan import Plan

FLOAT64 = "training.precision=float64"


def evaluation(model, data, config, test=False):
    batches, plan = Batches.of(data.validation, data, config), Plan(config.training.batch_size)
    return Evaluation(model, batches, plan, tf.distribute.get_strategy(), test)


@pytest.fixture(scope="module")
def data(data_set):
    return data_set(validation=300)


def test_the_means_are_those_of_every_example(model_for, settings, data):
    config = settings(FLOAT64, "seed=5", "training.batch_size=64", "objective.kl_weight=2")
    model = model_for(config, data)
    terms = evaluation(model, data, config, test=True)()
    x = data.scaling.forward(data.validation.x, "float64")
    each = model.elbo(x, seed=5)
    for name in ("elbo", "reconstruction", "kl"):
        assert terms[name] == pytest.approx(np.mean(getattr(each, name)), rel=1e-12)
    np.testing.assert_allclose(terms["kl_per_dimension"], each.kl_per_dimension.mean(axis=0), rtol=1e-12)
    assert terms["loss"] == pytest.approx(np.mean(2 * each.kl - each.reconstruction), rel=1e-12)
    error = np.square(x - model.reconstruct(x).numpy()).mean()
    assert terms["squared_error_per_value"] == pytest.approx(error, rel=1e-12)


def test_the_batch_size_changes_nothing(model_for, settings, data):
    """256 + 44 and padding, or 300 at once; each example is binarised once."""
    got = []
    for size in (64, 300):
        config = settings(FLOAT64, "data.binarize=dynamic", f"training.batch_size={size if size == 64 else 100}")
        means = evaluation(model_for(config, data), data, config)
        means.batch_size = 256 if size == 64 else 300
        got += [means(), means()]
    for name, value in got[0].items():
        np.testing.assert_array_equal(got[1][name], value)
        np.testing.assert_allclose(got[2][name], value, rtol=1e-12, err_msg=name)
