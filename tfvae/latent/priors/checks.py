"""Checks on the parameters of a prior, made at construction."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfvae.errors import UserError


def dimension(latent_dim: int) -> int:
    """The number of latent dimensions, checked to be at least 1."""
    if latent_dim < 1:
        raise UserError(f"latent_dim: got {latent_dim}, expected at least 1.")
    return int(latent_dim)


def mean(values: Any, latent_dim: int) -> np.ndarray:
    """The mean `[latent]`; None: zero."""
    return np.zeros(latent_dim) if values is None else _vector("mean", values, latent_dim)


def variance(values: Any, latent_dim: int) -> np.ndarray:
    """The variances `[latent]`, all positive; None: one."""
    value = np.ones(latent_dim) if values is None else _vector("variance", values, latent_dim)
    if not np.all(value > 0):
        raise UserError(f"prior.variance: got {value.tolist()}, expected positive numbers.")
    return value


def covariance(values: Any, latent_dim: int) -> tuple[np.ndarray, np.ndarray]:
    """The covariance `[latent, latent]` and its Cholesky factor; None: identity."""
    if values is None:
        return np.eye(latent_dim), np.eye(latent_dim)
    try:
        value = np.asarray(values, np.float64)
    except ValueError:
        raise UserError("prior.covariance: got rows of different lengths, expected a square matrix.") from None
    if value.shape != (latent_dim, latent_dim):
        expected = f"{latent_dim} x {latent_dim}, one row per latent dimension"
        raise UserError(f"prior.covariance: got shape {value.shape}, expected {expected}.")
    if not np.isfinite(value).all():
        raise UserError(f"prior.covariance: got {value.tolist()}, expected finite numbers.")
    if not np.allclose(value, value.T, rtol=1e-6, atol=1e-8):
        raise UserError(f"prior.covariance: got {value.tolist()}, expected a symmetric matrix.")
    try:
        return value, np.linalg.cholesky(value)
    except np.linalg.LinAlgError:
        smallest = np.linalg.eigvalsh(value).min()
        raise UserError(
            f"prior.covariance: got a smallest eigenvalue of {smallest:.3g}, expected a positive definite matrix; "
            "reduce the correlations or increase the variances."
        ) from None


def _vector(name: str, values: Any, latent_dim: int) -> np.ndarray:
    value = np.asarray(values, np.float64)
    if value.shape != (latent_dim,):
        raise UserError(f"prior.{name}: got shape {value.shape}, expected {latent_dim} numbers, one per dimension.")
    if not np.isfinite(value).all():
        raise UserError(f"prior.{name}: got {value.tolist()}, expected finite numbers.")
    return value
