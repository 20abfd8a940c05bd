"""The bound of the heads: within its range, smooth, and finite for whatever comes."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tolerance import rounding
from tfvae.networks import heads

EVERYTHING = np.array([-np.inf, -3e38, -1e4, -40.0, -2.0, 0.0, 2.0, 40.0, 1e4, 3e38, np.inf], "float32")[:, None]


def bound(low: float, high: float) -> keras.Model:
    x = keras.Input((1,))
    return keras.Model(x, heads.smooth_bound(x, low, high, "y"))


@pytest.mark.parametrize(("low", "high"), [(-16.0, 8.0), (-1.0, 1.0), (-0.01, 0.01), (-1000.0, 1000.0)])
@pytest.mark.parametrize("jit", [False, True])
def test_any_input_gives_a_value_in_range_and_a_finite_gradient(low: float, high: float, jit: bool) -> None:
    model = bound(low, high)

    def value_and_gradient(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = model(x)
        return y, tape.gradient(y, x)

    y, gradient = tf.function(value_and_gradient, jit_compile=jit, autograph=False)(tf.constant(EVERYTHING))
    slack = rounding("float32", size=high - low)
    assert np.all(y >= low - slack)
    assert np.all(y <= high + slack)
    np.testing.assert_allclose(y[0, 0], low, atol=slack)
    np.testing.assert_allclose(y[-1, 0], high, atol=slack)
    assert np.all(np.diff(y[:, 0]) >= 0)
    assert np.all(gradient >= 0)
    assert np.all(gradient <= 1 + rounding("float32"))


def test_it_is_the_formula_of_two_softplus_and_the_identity_within() -> None:
    x = np.linspace(-30, 20, 101, dtype="float32")[:, None]
    wide = x.astype("float64")
    above = -16 + np.logaddexp(0, wide + 16)
    slack = rounding("float32", 3, size=30 + 16)
    np.testing.assert_allclose(bound(-16.0, 8.0)(x), 8 - np.logaddexp(0, 8 - above), rtol=0, atol=slack)
    np.testing.assert_allclose(bound(-16.0, 8.0)(np.zeros((1, 1))), 0, atol=4e-4)


def test_latent_starts_at_order_one_and_unit_variance() -> None:
    keras.utils.set_random_seed(0)
    features = keras.Input((256,))
    model = keras.Model(features, heads.latent(features, heads.gaussian((16,)), (-16.0, 8.0)))
    z_mean, z_log_var = model(np.random.default_rng(0).standard_normal((64, 256)))
    assert 0.1 < np.std(z_mean) < 2
    assert 0.01 < np.std(z_log_var) < 0.2
    assert [layer.name for layer in model.layers if layer.name in ("z_mean", "z_log_var")] == ["z_mean", "z_log_var"]


def test_log_scale_is_bounded_and_a_single_parameter_is_a_tensor() -> None:
    z = keras.Input((3,))
    both = heads.outputs({"mean": (3,), "log_scale": (3,)}, lambda name, _: keras.layers.Rescaling(1.0, name=name)(z))
    assert sorted(both) == ["log_scale", "mean"]
    result = keras.Model(z, both)(np.array([[-1e9, 0.5, 1e9]], "float32"))
    np.testing.assert_array_equal(result["mean"], np.array([[-1e9, 0.5, 1e9]], "float32"))
    low, high = heads.LOG_SCALE_RANGE
    np.testing.assert_allclose(result["log_scale"], [[low, 0.5, high]], atol=2e-3)
    single = heads.outputs({"logits": (3,)}, lambda name, _: keras.layers.Rescaling(1.0, name=name)(z))
    assert keras.Model(z, single)(np.zeros((2, 3))).shape == (2, 3)
