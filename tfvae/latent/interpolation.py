"""Paths between two points of the latent space."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfvae.errors import UserError

_PARALLEL = 1e-7


def linear(start: ArrayLike, end: ArrayLike, steps: int) -> NDArray[np.floating]:
    """Equally spaced points on the straight line.

    z(t) = (1 - t) start + t end, for t = 0, …, 1

    Args:
      start: floats [..., latent], in latent units.
      end: floats of the same shape.
      steps: number of points, including both ends; at least 2.

    Returns:
      [..., steps, latent], in the wider of the two dtypes; the first and last points are exactly start and end.

    Raises:
      UserError: the shapes differ or have no latent axis, or there are fewer than 2 steps.

    Example:
      >>> linear([0.0, 0.0], [1.0, 2.0], 3).tolist()
      [[0.0, 0.0], [0.5, 1.0], [1.0, 2.0]]
    """
    a, b, dtype = _ends(start, end, steps)
    t = np.linspace(0.0, 1.0, steps)[:, None]
    return _with_exact_ends((1.0 - t) * a[..., None, :] + t * b[..., None, :], a, b).astype(dtype)


def spherical(start: ArrayLike, end: ArrayLike, steps: int) -> NDArray[np.floating]:
    """Points at equal angles on the great circle, so that the path stays where a Gaussian prior has its mass.

    z(t) = ((1 - t) |start| + t |end|) [cos(t w) a + sin(t w) o], for t = 0, …, 1

    where a = start / |start|, b = end / |end|, w is the angle between them and o the unit vector orthogonal to a in
    their plane. For equal lengths this is sin((1 - t) w) / sin(w) start + sin(t w) / sin(w) end, the formula of the
    sources. They also apply it to unequal lengths, where it diverges as w approaches 180 degrees; here the length is
    interpolated linearly instead. Parallel vectors give the straight line. Opposite vectors define no plane: o then
    follows the axis in which a has its smallest component (with one latent dimension the path goes through zero). A
    vector of length zero has no direction and gives the straight line.

    Args:
      start: floats [..., latent], in latent units, relative to the centre of the prior: subtract its mean first.
      end: floats of the same shape.
      steps: number of points, including both ends; at least 2.

    Returns:
      [..., steps, latent], in the wider of the two dtypes; the first and last points are exactly start and end.

    Raises:
      UserError: the shapes differ or have no latent axis, or there are fewer than 2 steps.

    Example:
      >>> spherical([1.0, 0.0], [0.0, 1.0], 3).round(3).tolist()
      [[1.0, 0.0], [0.707, 0.707], [0.0, 1.0]]

    Source: Shoemake, Animating rotation with quaternion curves, SIGGRAPH 1985, section 3.3; White, Sampling generative
    networks, 2016, section 2.1 (arXiv:1609.04468).
    """
    a, b, dtype = _ends(start, end, steps)
    length_a = np.linalg.norm(a, axis=-1, keepdims=True)
    length_b = np.linalg.norm(b, axis=-1, keepdims=True)
    unit_a, unit_b = a / np.where(length_a > 0, length_a, 1.0), b / np.where(length_b > 0, length_b, 1.0)
    # Kahan's form, because arccos of the dot product loses half the digits near 0 and 180 degrees.
    angle = 2.0 * np.arctan2(
        np.linalg.norm(unit_a - unit_b, axis=-1, keepdims=True), np.linalg.norm(unit_a + unit_b, axis=-1, keepdims=True)
    )
    t = np.linspace(0.0, 1.0, steps)[:, None]
    turn = t * angle[..., None, :]
    direction = np.cos(turn) * unit_a[..., None, :] + np.sin(turn) * _right_angle(unit_a, unit_b)[..., None, :]
    path = ((1.0 - t) * length_a[..., None, :] + t * length_b[..., None, :]) * direction
    no_direction = ((length_a == 0) | (length_b == 0))[..., None, :]
    path = np.where(no_direction, (1.0 - t) * a[..., None, :] + t * b[..., None, :], path)
    return _with_exact_ends(path, a, b).astype(dtype)


def _right_angle(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """The unit vector orthogonal to unit a, towards unit b, or towards a fixed axis where b is parallel to a."""
    axis = np.eye(a.shape[-1])[np.argmin(np.abs(a), axis=-1)]
    towards_b = b - np.sum(a * b, axis=-1, keepdims=True) * a
    towards_axis = axis - np.sum(a * axis, axis=-1, keepdims=True) * a
    orthogonal = np.where(np.linalg.norm(towards_b, axis=-1, keepdims=True) > _PARALLEL, towards_b, towards_axis)
    length = np.linalg.norm(orthogonal, axis=-1, keepdims=True)
    return np.where(length > 0, orthogonal / np.where(length > 0, length, 1.0), 0.0)


def _ends(start: ArrayLike, end: ArrayLike, steps: int) -> tuple[NDArray[np.float64], NDArray[np.float64], np.dtype]:
    a, b = np.asarray(start), np.asarray(end)
    if a.shape != b.shape or a.ndim == 0:
        raise UserError(f"interpolation: got start {a.shape} and end {b.shape}, expected equal shapes [..., latent].")
    if steps < 2:
        raise UserError(f"interpolation: got steps={steps}, expected at least 2, for the two ends.")
    dtype = np.result_type(a, b) if np.issubdtype(np.result_type(a, b), np.floating) else np.dtype(np.float64)
    return a.astype(np.float64), b.astype(np.float64), dtype


def _with_exact_ends(
    path: NDArray[np.float64], start: NDArray[np.float64], end: NDArray[np.float64]
) -> NDArray[np.float64]:
    path[..., 0, :], path[..., -1, :] = start, end
    return path
