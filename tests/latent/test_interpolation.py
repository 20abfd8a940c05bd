"""Paths in latent space: ends, angles, lengths, and zero vectors."""

from __future__ import annotations

import numpy as np
import pytest

from tfvae.errors import UserError
from tfvae.latent.interpolation import linear, spherical


@pytest.fixture
def ends():
    generator = np.random.default_rng(0)
    return generator.normal(size=(4, 3, 5)), generator.normal(size=(4, 3, 5))


@pytest.mark.parametrize("path", [linear, spherical])
def test_ends_are_exact_and_the_steps_axis_comes_before_the_latent_axis(path, ends):
    points = path(*ends, 7)
    assert points.shape == (4, 3, 7, 5)
    np.testing.assert_array_equal(points[..., 0, :], ends[0])
    np.testing.assert_array_equal(points[..., -1, :], ends[1])


@pytest.mark.parametrize("path", [linear, spherical])
@pytest.mark.parametrize(("given", "kept"), [(np.float32, np.float32), (np.float64, np.float64), (int, np.float64)])
def test_dtype_is_kept_and_integers_become_floats(path, given, kept):
    assert path(np.array([1, 0], given), np.array([0, 2], given), 3).dtype == kept


def test_linear_steps_are_equal(ends):
    gaps = np.diff(linear(*ends, 9), axis=-2)
    np.testing.assert_allclose(gaps, np.broadcast_to(gaps[..., :1, :], gaps.shape), atol=1e-12)


def test_spherical_is_the_formula_of_shoemake_for_equal_lengths(ends):
    a, b = (end / np.linalg.norm(end, axis=-1, keepdims=True) for end in ends)
    angle = np.arccos(np.sum(a * b, axis=-1))[..., None, None]
    t = np.linspace(0, 1, 11)[:, None]
    weights = np.sin((1 - t) * angle) / np.sin(angle), np.sin(t * angle) / np.sin(angle)
    expected = weights[0] * a[..., None, :] + weights[1] * b[..., None, :]
    np.testing.assert_allclose(spherical(a, b, 11), expected, atol=1e-12)


def test_spherical_length_goes_linearly_between_unequal_lengths(ends):
    lengths = np.linalg.norm(spherical(*ends, 5), axis=-1)
    np.testing.assert_allclose(lengths, np.linspace(lengths[..., 0], lengths[..., -1], 5, axis=-1), atol=1e-12)


@pytest.mark.parametrize("factor", [1.0, 3.0, 1.0 + 1e-12])
def test_spherical_between_parallel_vectors_is_the_straight_line(factor):
    start = np.array([[0.3, -1.2, 2.0], [1.0, 0.0, 0.0]])
    np.testing.assert_allclose(spherical(start, factor * start, 6), linear(start, factor * start, 6), atol=1e-12)


@pytest.mark.parametrize("tilt", [0.0, 1e-12, 1e-6])
def test_spherical_between_opposite_vectors_keeps_to_the_sphere(tilt):
    start = np.array([1.0, 2.0, -2.0])
    points = spherical(start, -start + tilt, 5)
    np.testing.assert_allclose(np.linalg.norm(points, axis=-1), 3.0, atol=1e-5)
    cosines = np.sum(points[:-1] * points[1:], axis=-1) / 9.0
    np.testing.assert_allclose(cosines, np.cos(np.pi / 4), atol=1e-5)


def test_spherical_with_a_zero_vector_is_the_straight_line_and_finite():
    start, end = np.zeros((2, 3)), np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    np.testing.assert_array_equal(spherical(start, end, 4), linear(start, end, 4))


def test_spherical_in_one_dimension_goes_from_end_to_end():
    points = spherical([-1.0], [1.0], 5)
    assert np.all(np.diff(points[:, 0]) > 0)
    assert points[[0, -1], 0].tolist() == [-1.0, 1.0]


@pytest.mark.parametrize("path", [linear, spherical])
def test_bad_input_is_said(path):
    with pytest.raises(UserError, match=r"\(2,\) and end \(3,\)"):
        path(np.zeros(2), np.zeros(3), 5)
    with pytest.raises(UserError, match="steps=1"):
        path(np.zeros(2), np.zeros(2), 1)
    with pytest.raises(UserError, match="latent"):
        path(0.0, 1.0, 3)
