"""Schedules: their values at every step, in a graph that never retraces."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tolerance import rounding
from tfvae.config import Objective
from tfvae.engine.learning_rate import WarmupDecay
from tfvae.objectives import schedules

STEPS = 10  # an epoch


def weights(steps: Any, **objective: Any) -> np.ndarray:
    settings = Objective(**objective)
    return np.array([float(schedules.kl_weight(tf.constant(step, tf.int64), settings, STEPS)) for step in steps])


def test_constant_is_the_weight() -> None:
    np.testing.assert_array_equal(weights([0, 5, 10**9], kl_weight=4.0), 4.0)


def test_linear_rises_to_the_weight_and_stays() -> None:
    got = weights([0, 10, 20, 40, 41, 1000], kl_weight=2.0, kl_schedule="linear", kl_warmup=4.0)
    np.testing.assert_allclose(got, [0, 0.5, 1, 2, 2, 2], rtol=rounding("float32"))


def test_sigmoid_goes_through_a_half_from_zero_to_one() -> None:
    steps = np.arange(60)
    got = weights(steps, kl_schedule="sigmoid", kl_warmup=4.0)
    np.testing.assert_allclose(got[[0, 20, 40, 59]], [0, 0.5, 1, 1], rtol=0, atol=rounding("float32"))
    np.testing.assert_allclose(got[:41] + got[40::-1], 1, rtol=0, atol=rounding("float32", 2))
    assert np.all(np.diff(got[:41]) > 0)
    assert got[5] < 5 / 40  # slower than linear at first


def test_cyclical_rises_over_half_of_each_cycle_and_ends_at_one() -> None:
    steps = np.arange(60)
    got = weights(steps, kl_schedule="cyclical", kl_warmup=4.0, kl_cycles=2)
    cycle = np.minimum(np.arange(20) / 10, 1)
    np.testing.assert_allclose(got, [*cycle, *cycle, *np.ones(20)], rtol=0, atol=rounding("float32", size=2.0))


def test_capacity_rises_from_zero() -> None:
    settings = Objective(capacity=25.0, capacity_warmup=2.0)
    got = [float(schedules.capacity(tf.constant(step, tf.int64), settings, STEPS)) for step in (0, 5, 20, 99)]
    np.testing.assert_allclose(got, [0, 6.25, 25, 25])
    assert float(schedules.capacity(tf.constant(7, tf.int64), Objective(), STEPS)) == 0


@pytest.mark.parametrize("kind", ["constant", "linear", "sigmoid", "cyclical"])
@pytest.mark.parametrize("jit", [False, True])
def test_a_step_never_retraces(kind: str, jit: bool) -> None:
    traced = []
    settings = Objective(kl_weight=3.0, kl_schedule=kind, kl_warmup=3.0, capacity=7.0)

    @tf.function(jit_compile=jit)
    def at(step: tf.Tensor) -> Any:
        traced.append(step)
        return schedules.kl_weight(step, settings, STEPS), schedules.capacity(step, settings, STEPS)

    for step in (0, 3, 14, 15, 16, 29, 30, 500):
        now = tf.constant(step, tf.int64)
        weight, capacity = at(now)
        np.testing.assert_allclose(weight, schedules.kl_weight(now, settings, STEPS), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(capacity, schedules.capacity(now, settings, STEPS), rtol=1e-6)
        assert weight.dtype == tf.float32
        assert 0 <= float(weight) <= 3
    assert len(traced) == 1


@pytest.mark.parametrize(
    ("shape", "warmup", "wanted"),
    [
        ("constant", 0, [1, 1, 1, 1, 1]),
        ("linear", 0, [1, 0.75, 0.5, 0, 0]),
        ("cosine", 0, [1, 0.5 + np.sqrt(0.125), 0.5, 0, 0]),
        ("constant", 8, [0.125, 0.75, 1, 1, 1]),
    ],
)
def test_learning_rate(shape: str, warmup: int, wanted: list[float]) -> None:
    rate = WarmupDecay(0.2, warmup, 20, shape)
    got = [float(rate(tf.constant(step))) for step in (0, 5, 10, 20, 30)]
    np.testing.assert_allclose(got, 0.2 * np.array(wanted), rtol=0, atol=rounding("float32", size=0.2))


def test_learning_rate_falls_from_the_peak_after_the_rise() -> None:
    for shape in ("linear", "cosine"):
        rate = np.array([float(WarmupDecay(1.0, 4, 20, shape)(step)) for step in range(21)])
        np.testing.assert_allclose(rate[:4], [0.25, 0.5, 0.75, 1.0])
        assert rate[4] == rate.max() == 1
        assert np.all(np.diff(rate[4:]) < 0)
        assert rate[12] == pytest.approx(0.5, abs=rounding("float32"))
        assert rate[20] == pytest.approx(0, abs=rounding("float32"))


def test_learning_rate_schedule_is_saved_with_an_optimizer() -> None:
    optimizer = keras.optimizers.Adam(WarmupDecay(0.2, 3, 20, "cosine"))
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert again.get_config() == optimizer.get_config()
    assert float(again.learning_rate) == pytest.approx(0.2 / 3)
