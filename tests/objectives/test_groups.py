"""`tfvae.objectives.groups`: statistics of groups by hand, and what padding must not change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tfvae.objectives.groups import over_groups

X = np.random.default_rng(0).normal(size=[12, 3])


def variance(x: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """The unbiased variance of the real examples, summed over dimensions."""
    count = tf.reduce_sum(weight, axis=1, keepdims=True)
    mean = tf.einsum("gb,gbd->gd", weight, x) / count
    return tf.einsum("gb,gbd->g", weight, tf.square(x - mean[:, None])) / (count[:, 0] - 1)


def penalty(x: Any, weight: Any, group: int) -> Any:
    return over_groups(variance, tf.constant(x), tf.constant(weight, tf.float64), group)


@pytest.mark.parametrize("group", [2, 4, 12])
def test_each_example_has_the_value_of_its_group(group: int) -> None:
    got = penalty(X, np.ones(12), group)
    by_hand = X.reshape(-1, group, 3).var(axis=1, ddof=1).sum(axis=1)
    np.testing.assert_allclose(got.value, np.repeat(by_hand, group), rtol=1e-14)
    np.testing.assert_array_equal(got.counts, 1)
    assert got.weight == 1.0


def test_padding_changes_nothing_and_a_group_of_one_is_left_out() -> None:
    weight = np.array([1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 0, 0])
    garbage = np.where(weight[:, None] > 0, X, 1e9)
    got = penalty(garbage, weight, 4)
    np.testing.assert_array_equal(got.counts, [1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0])
    mean = np.sum(got.value * got.counts) / np.sum(got.counts)
    by_hand = (4 * X[:4].var(axis=0, ddof=1).sum() + 3 * X[4:7].var(axis=0, ddof=1).sum()) / 7
    np.testing.assert_allclose(mean, by_hand, rtol=1e-12)


def test_the_gradient_is_finite_where_a_group_does_not_count() -> None:
    x = tf.Variable(X[:4])
    with tf.GradientTape() as tape:
        got = over_groups(variance, x, tf.constant([1.0, 1.0, 1.0, 0.0], tf.float64), 2)
        mean = tf.reduce_sum(got.value * got.counts) / tf.reduce_sum(got.counts)
    gradient = tape.gradient(mean, x).numpy()
    np.testing.assert_allclose(gradient[:2], [X[0] - X[1], X[1] - X[0]], rtol=1e-12)
    np.testing.assert_array_equal(gradient[2:], 0)


@pytest.mark.parametrize("jit", [False, True], ids=["graph", "jit"])
def test_several_tensors_in_a_graph(jit: bool) -> None:
    def distance(values: Any, weight: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(tf.reduce_mean(values["a"], 1) - tf.reduce_mean(values["b"], 1), axis=1)

    @tf.function(jit_compile=jit)
    def value(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        return over_groups(distance, {"a": a, "b": b}, tf.ones([12], tf.float64), 3, factor=2.0).value

    by_hand = (X - 2 * X**2).reshape(4, 3, 3).mean(axis=1).sum(axis=1)
    np.testing.assert_allclose(value(tf.constant(X), tf.constant(2 * X**2)), np.repeat(by_hand, 3), rtol=1e-12)


@pytest.mark.parametrize("group", [0, 1, 5])
def test_what_is_no_group_is_refused(group: int) -> None:
    with pytest.raises(ValueError, match=f"group: got {group} for a batch of 12"):
        penalty(X, np.ones(12), group)
