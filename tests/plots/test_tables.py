"""Rows of numbers, real and generated."""

from __future__ import annotations

import numpy as np
import pytest

from tfvae.plots.tables import histograms, most_correlated, most_moving, real_and_generated


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(size=(200, 3))


def test_histograms_share_bins_and_count_what_lies_outside(rows, words, cut_off):
    far = rows + 100.0
    figure = histograms(rows, far, ["a", "b", "_c$"], seed=7)
    real, generated = (patch.get_data() for patch in figure.axes[1].patches)
    np.testing.assert_array_equal(real.edges, generated.edges)
    assert real.values.sum() == pytest.approx(100.0)
    assert generated.values[-1] == pytest.approx(100.0)
    assert "seed 7" in words(figure)
    assert cut_off(figure) == []


def test_histograms_of_many_or_constant_columns(words, cut_off):
    many = np.ones((5, 20))
    figure = histograms(many, many, [f"c{i}" for i in range(20)], seed=0)
    assert "first 16 of 20 columns" in words(figure)
    assert cut_off(figure) == []


def test_real_and_generated_share_axes(rows, words):
    figure = real_and_generated(rows, 2 * rows, ["a", "b", "c"], seed=0, columns=(0, 2), when="after epoch 3")
    left, right = figure.axes
    assert left.get_xlim() == right.get_xlim()
    np.testing.assert_array_equal(right.get_lines()[0].get_xydata(), 2 * rows[:, [0, 2]])
    assert left.get_ylabel() == "c"
    assert "after epoch 3, seed 0" in words(figure)


def test_the_most_correlated_pair_is_found(rows):
    columns = np.stack([rows[:, 0], np.ones(200), rows[:, 1], -rows[:, 0] + 0.1 * rows[:, 2]], axis=1)
    assert most_correlated(columns) == (0, 3)
    assert most_correlated(np.ones((4, 2))) == (0, 1)


def test_the_columns_that_move_most_come_in_their_own_order():
    moving = np.zeros((2, 10))
    moving[1] = np.arange(10)
    assert most_moving(moving) == [2, 3, 4, 5, 6, 7, 8, 9]
