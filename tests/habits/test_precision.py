"""Mixed precision and distribution the Keras way."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.habits.conftest import X, build, fit
from tfvae import UserError


def test_mixed_float16_through_compile():
    keras.mixed_precision.set_global_policy("mixed_float16")
    vae = build()
    vae.compile("adam")
    losses = fit(vae, X, epochs=3).history["loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]
    assert type(vae.optimizer) is keras.optimizers.Adam


def test_a_loss_scale_optimizer_is_taken_off():
    vae, other = build(), build()
    vae.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-2)))
    other.compile(keras.optimizers.Adam(1e-2))
    assert fit(vae, X, epochs=1).history["loss"] == fit(other, X, epochs=1).history["loss"]


def test_compiled_in_scope_and_fitted_outside(two_replicas, float64):
    with two_replicas.scope():
        vae = build()
        vae.compile(optimizer=keras.optimizers.Adam(1e-2))
    one = build()
    one.compile(optimizer=keras.optimizers.Adam(1e-2))
    losses = [fit(vae, X, epochs=1).history["loss"] for _ in range(2)]
    np.testing.assert_allclose(losses, [fit(one, X, epochs=1).history["loss"] for _ in range(2)], rtol=1e-9)
    loop = vae.session.loop
    with two_replicas.scope():
        fit(vae, X, epochs=1)
    assert vae.session.loop is loop


def test_batches_on_replicas(two_replicas, float64):
    losses = []
    for strategy in (tf.distribute.get_strategy(), two_replicas):
        with strategy.scope():
            vae = build()
            vae.compile(optimizer="adam")
        data = tf.data.Dataset.from_tensor_slices(X).batch(16)
        losses.append(vae.fit(data, epochs=2, verbose=0, jit="off").history["loss"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-9)


def test_made_elsewhere_it_is_not_fitted_in_a_scope(two_replicas, vae):
    with two_replicas.scope(), pytest.raises(UserError, match="made outside of this strategy"):
        fit(vae, X)
