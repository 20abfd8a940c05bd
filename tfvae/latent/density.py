"""Distributions of z for one batch: the prior or posterior that KL terms and latent scores evaluate."""

from __future__ import annotations

import math
from typing import Protocol

import tensorflow as tf


class Gaussian(Protocol):
    """Capability of a density: it is a Gaussian N(m, L L^T) over the last axis of z, shared or one per example.

    Attributes:
      kind: `standard`, `diagonal` or `cholesky` for a shared Gaussian; `batch` for a diagonal Gaussian per example.
      mean: m, `[latent]`, or `[batch, …, latent]` for `batch`.
      scale_tril: L, `[latent, latent]`; unavailable for `batch`.
    """

    kind: str

    @property
    def mean(self) -> tf.Tensor:
        """m."""

    @property
    def scale_tril(self) -> tf.Tensor:
        """L."""


class Density(Protocol):
    """A distribution of z."""

    def as_gaussian(self) -> Gaussian | None:
        """Capability: the density as a Gaussian. None: there is no closed-form KL, no contour and no quantile."""

    def log_prob(self, z: tf.Tensor, per_dimension: bool = False) -> tf.Tensor:
        """log p(z) in nats, summed over the latent axes, or per dimension."""


class DiagonalDensity:
    """N(mean, diag(exp(log_var))), one per example.

    Args:
      mean: `[batch, *latent_shape]`.
      log_var: of the same shape and dtype.

    Example:
      >>> density = DiagonalDensity(tf.zeros([2, 3]), tf.zeros([2, 3]))
      >>> density.log_prob(tf.zeros([5, 2, 3])).shape.as_list()
      [5, 2]
    """

    kind = "batch"

    def __init__(self, mean: tf.Tensor, log_var: tf.Tensor) -> None:
        self.mean, self.log_var = mean, log_var

    def as_gaussian(self) -> DiagonalDensity:
        """Itself."""
        return self

    @property
    def scale_tril(self) -> tf.Tensor:
        """Unavailable: each example has its own scale."""
        raise ValueError("DiagonalDensity has one Gaussian per example and no single scale_tril; read log_var.")

    def log_prob(self, z: tf.Tensor, per_dimension: bool = False) -> tf.Tensor:
        """log q(z) in nats, `[…, batch]` for z `[…, batch, *latent_shape]`."""
        return standard_log_prob(self.whiten(z), len(self.mean.shape) - 1, per_dimension, -0.5 * self.log_var)

    def whiten(self, z: tf.Tensor) -> tf.Tensor:
        """(z - mean) / scale."""
        return (z - self.mean) * tf.exp(-0.5 * self.log_var)

    def from_noise(self, eps: tf.Tensor) -> tf.Tensor:
        """mean + scale * eps."""
        return affine(eps, self.mean, scale=tf.exp(0.5 * self.log_var))


def affine(
    eps: tf.Tensor, mean: tf.Tensor, *, scale: tf.Tensor | None = None, scale_tril: tf.Tensor | None = None
) -> tf.Tensor:
    """z = m + s eps, or z = m + L eps over the last axis.

    Args:
      eps: standard normal, `[…, latent]`.
      mean: m, `[latent]` or of the shape of eps.
      scale: s, likewise.
      scale_tril: L, `[latent, latent]`; in place of s.
    """
    if scale_tril is not None:
        return mean + rows_times(eps, scale_tril)
    return mean + scale * eps


def rows_times(rows: tf.Tensor, matrix: tf.Tensor) -> tf.Tensor:
    """The matrix `[m, n]` times each row of `[…, n]`: `[…, m]`."""
    if rows.shape.rank == 2:
        return tf.matmul(rows, matrix, transpose_b=True)
    # Not einsum, which TFLite has no builtin operation for.
    product = tf.matmul(tf.reshape(rows, [-1, rows.shape[-1]]), matrix, transpose_b=True)
    return tf.reshape(product, tf.concat([tf.shape(rows)[:-1], [matrix.shape[0]]], 0))


def standard_log_prob(
    eps: tf.Tensor, latent_axes: int, per_dimension: bool = False, log_det: tf.Tensor | float = 0.0
) -> tf.Tensor:
    """log N(eps; 0, I) in nats, plus `log_det` per dimension; summed over the last `latent_axes` axes."""
    terms = -0.5 * (tf.square(eps) + math.log(2 * math.pi)) + log_det
    return terms if per_dimension else tf.reduce_sum(terms, axis=list(range(-latent_axes, 0)))
