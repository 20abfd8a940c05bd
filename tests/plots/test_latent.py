"""Pictures of the latent space: values, order, contours, quantiles."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from tests.tolerance import rounding
from tfvae.plots.covariance import covariance, prior_contours
from tfvae.plots.latent_kl import kl_per_dimension, variance_per_dimension
from tfvae.plots.manifold import manifold, manifold_points, manifold_slices, quantiles
from tfvae.plots.scatter import Gaussian, latent_projections, latent_scatter, latent_scatter_3d
from tfvae.plots.style import BLUE, COLOURS, FAINT, new_figure
from tfvae.plots.traversals import STEPS, column_traversals, traversal_points, traversals

COVARIANCE = np.array([[2.0, 0.6], [0.6, 0.5]])


def test_kl_bars_are_sorted_and_split_by_the_threshold(words):
    figure = kl_per_dimension(np.array([0.001, 2.0, 0.5, -0.1]), threshold=0.01)
    bars = figure.axes[0].patches
    assert [bar.get_height() for bar in bars] == [2.0, 0.5, 0.001, -0.1]
    assert [to_hex(bar.get_facecolor()) for bar in bars] == [BLUE, BLUE, FAINT, FAINT]
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["1", "2", "0", "3"]
    said = words(figure)
    assert "2 of 4 above 0.01 nats, 2.401 nats in total" in said
    assert "threshold" in said


@pytest.mark.parametrize("size", [1, 2, 20, 512])
def test_kl_and_variance_fit_any_number_of_dimensions(size, cut_off):
    values = np.abs(np.random.default_rng(0).normal(size=size))
    assert cut_off(kl_per_dimension(values)) == []
    figure = variance_per_dimension(values, 0.1 * values, np.ones(size))
    assert cut_off(figure) == []
    tops = [bar.get_y() + bar.get_height() for bar in figure.axes[0].patches[size:]]
    np.testing.assert_allclose(tops, 1.1 * values)


def test_traversal_points_move_one_dimension_and_hold_the_others():
    points = traversal_points(np.array([5.0, 6.0, 7.0]), np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 0.5]), [2, 0])
    assert points.shape == (2, len(STEPS), 3)
    np.testing.assert_allclose(points[0, :, 2], 3.0 + 0.5 * STEPS)
    np.testing.assert_allclose(points[1, :, 0], 1.0 + STEPS, rtol=rounding("float32"))
    assert (points[0, :, :2] == [5.0, 6.0]).all()
    assert (points[1, :, 1:] == [6.0, 7.0]).all()


def test_traversals_name_dimensions_with_their_kl(words, cut_off):
    kl = np.array([0.5, 2.0, 1.25])
    said = words(traversals(np.zeros((2, 11, 8, 8, 1)), [1, 2], kl))
    for word in ("$z_{1}$  (2 nats)", "$z_{2}$  (1.25 nats)", "the 2 with most KL", "prior standard deviations"):
        assert word in said
    figure = column_traversals(np.random.default_rng(0).normal(size=(3, 11, 2)), [1, 2, 0], kl, ["a", "b"])
    assert "with most KL" not in words(figure)
    assert cut_off(figure) == []


def test_manifold_points_stand_at_quantiles_through_the_cholesky_factor():
    mean, factor = np.array([1.0, -2.0]), np.linalg.cholesky(COVARIANCE)
    points = manifold_points(lambda eps: mean + eps @ factor.T, 2, steps=5)
    eps = (np.linalg.inv(factor) @ (points - mean).reshape(-1, 2).T).T.reshape(5, 5, 2)
    slack = rounding("float32", 2, np.abs(points).max())
    np.testing.assert_allclose(eps[0, :, 0], quantiles(5), rtol=0, atol=slack)
    np.testing.assert_allclose(eps[:, 0, 1], quantiles(5)[::-1], rtol=0, atol=slack)
    np.testing.assert_allclose(quantiles(3), [-1.6448536, 0.0, 1.6448536], atol=1e-7)


def test_manifold_points_hold_the_remaining_coordinates_at_the_median():
    points = manifold_points(lambda eps: 0.25 + 2.0 * eps, 3, axes=(0, 2), steps=4)
    assert (points[..., 1] == 0.25).all()
    np.testing.assert_allclose(points[0, 0], [0.25 - 3.2897, 0.25, 0.25 + 3.2897], atol=1e-4)


@pytest.mark.parametrize(("correlated", "letter"), [(False, "$z_{1}$"), (True, "$ε_{1}$")])
def test_manifold_axes_say_what_they_are(correlated, letter, words, cut_off):
    images = np.zeros((5, 5, 8, 8, 1))
    figures = manifold(images, correlated=correlated), manifold_slices([images] * 3, correlated=correlated)
    for figure in figures:
        assert letter in words(figure)
        assert cut_off(figure) == []


def test_titles_have_room_for_the_class_at_which_y_is_held(cut_off):
    images, at, kl = np.zeros((5, 5, 8, 8, 1)), ", class elevenmany…", np.arange(20.0)
    for figure in (
        manifold(images, correlated=True, at=at),
        manifold_slices([images] * 3, correlated=True, at=at),
        traversals(np.zeros((10, 11, 8, 8, 1)), list(range(10)), kl, at=at),
        column_traversals(np.zeros((10, 11, 2)), list(range(10)), kl, ["a", "b"], at=at),
    ):
        assert cut_off(figure) == []
        assert at in figure.get_suptitle()


def test_contours_enclose_the_mass_that_they_name():
    axes = new_figure("contours", 3.0).add_subplot()
    mean = np.array([1.0, -1.0])
    prior_contours(axes, mean, COVARIANCE)
    draws = mean + np.random.default_rng(0).normal(size=(200_000, 2)) @ np.linalg.cholesky(COVARIANCE).T
    inverse = np.linalg.inv(COVARIANCE)
    for line, mass in zip(axes.get_lines(), (0.5, 0.9, 0.99), strict=True):
        edge = line.get_xydata()[0] - mean
        inside = np.einsum("ni,ij,nj->n", draws - mean, inverse, draws - mean) < edge @ inverse @ edge
        assert abs(inside.mean() - mass) < 0.005


def test_covariance_has_its_numbers_while_they_can_be_read(words, cut_off):
    assert "0.60" in words(covariance(COVARIANCE))
    large = covariance(np.eye(30))
    assert "1.00\n1.00" not in words(large)
    assert cut_off(large) == []


@pytest.mark.parametrize("named", [None, ("cat", "dog", "owl")])
def test_scatter_colours_and_names_each_class(named, words, cut_off):
    means = np.random.default_rng(0).normal(size=(30, 4))
    y = np.arange(30) % 3
    figure = latent_scatter(means, y, named, prior=Gaussian(np.zeros(4), np.eye(4)), dimensions=(1, 3))
    groups = figure.axes[0].collections
    assert [to_hex(group.get_facecolor()[0]) for group in groups] == list(COLOURS[:3])
    np.testing.assert_array_equal(groups[2].get_offsets(), means[y == 2][:, [1, 3]])
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend[:3] == list(named or ("0", "1", "2"))
    assert "90 % of the prior" in legend
    assert "$z_{3}$ (latent units)" in words(figure)
    assert cut_off(figure) == []


def test_three_dimensions_in_space_and_from_three_sides(cut_off):
    means = np.random.default_rng(0).normal(size=(40, 3))
    space = latent_scatter_3d(means, np.arange(40) % 2)
    assert space.axes[0].name == "3d"
    sides = latent_projections(means, prior=Gaussian(np.zeros(3), np.eye(3)))
    for axes, pair in zip(sides.axes, ([0, 1], [0, 2], [1, 2]), strict=True):
        np.testing.assert_array_equal(axes.collections[0].get_offsets(), means[:, pair])
    assert cut_off(space) == cut_off(sides) == []
