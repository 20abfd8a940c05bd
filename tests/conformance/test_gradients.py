"""Loss and gradients: the same eager, in a graph and under XLA, in float64; and they reach every variable."""

from __future__ import annotations

from typing import Any

import conformance_table as table
import numpy as np
import pytest
import tensorflow as tf

from tfvae import noise
from tfvae.data.batch import Batch
from tfvae.models import VAE

ADDRESS = noise.Address(seed=5, purpose=noise.TRAINING, step=3)


def loss_and_gradients(vae: VAE, x: tf.Tensor, y: tf.Tensor | None) -> tuple[tf.Tensor, list[tf.Tensor]]:
    [objective] = vae.objectives()
    variables, loss_fn = objective.variables, objective.loss
    with tf.GradientTape() as tape:
        batch = Batch(x, y, tf.constant(0, tf.int64), tf.ones([len(x)], x.dtype))
        loss = tf.reduce_mean(loss_fn(batch, ADDRESS, {"kl_weight": 0.7, "capacity": 0.0}, True).total)
    return loss, tape.gradient(loss, [variable.value for variable in variables])


@pytest.mark.usefixtures("float64")
def test_eager_graph_and_jit_agree_and_gradients_reach_every_variable(row: Any, built: Any) -> None:
    vae, x, labels = built(row), tf.constant(row.examples(4)), row.y(4)
    y = None if labels is None else tf.one_hot(labels, vae.condition_size, dtype=x.dtype)
    loss, gradients = loss_and_gradients(vae, x, y)
    variables = vae.objectives()[0].variables
    assert len(variables) == len(vae.trainable_variables) > 0
    for variable, gradient in zip(variables, gradients, strict=True):
        assert gradient is not None, variable.path
        assert np.isfinite(gradient).all(), variable.path
        assert np.abs(gradient).max() > 0, variable.path
    # XLA takes up to ten seconds a row; networks at odd sizes go through it in tests/networks.
    for jit in (False, True) if row in table.COVERING else (False,):
        compiled = tf.function(lambda x: loss_and_gradients(vae, x, y), jit_compile=jit)
        same_loss, same_gradients = compiled(x)
        np.testing.assert_allclose(same_loss, loss, rtol=1e-12)
        for variable, gradient, same in zip(variables, gradients, same_gradients, strict=True):
            np.testing.assert_allclose(
                same, gradient, rtol=0, atol=1e-10 * np.abs(gradient).max(), err_msg=variable.path
            )


def test_what_a_row_trains(row: Any, built: Any) -> None:
    vae = built(row)
    named = {variable.path.split("/")[0].partition("_")[0] for variable in vae.trainable_variables}
    shared = row.likelihood in ("gaussian_shared", "laplace")
    assert ("prior" in named, "likelihood" in named) == (row.prior in ("trained", "diagonal", "conditional"), shared)
