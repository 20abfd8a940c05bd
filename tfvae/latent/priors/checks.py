"""Whether the numbers that a prior is made of make one, said at construction."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfvae.errors import UserError


def dimension(latent_dim: int) -> int:
    """The number of latent dimensions, at least 1."""
    if latent_dim < 1:
        raise UserError(f"latent_dim: got {latent_dim}, want at least 1.")
    return int(latent_dim)


def mean(given: Any, latent_dim: int) -> np.ndarray:
    """The mean `[latent]`; None: zero."""
    return np.zeros(latent_dim) if given is None else _one_a_dimension("mean", given, latent_dim)


def variance(given: Any, latent_dim: int) -> np.ndarray:
    """The variances `[latent]`, all positive; None: one."""
    value = np.ones(latent_dim) if given is None else _one_a_dimension("variance", given, latent_dim)
    if not np.all(value > 0):
        raise UserError(f"prior.variance: got {value.tolist()}, want positive numbers.")
    return value


def covariance(given: Any, latent_dim: int) -> tuple[np.ndarray, np.ndarray]:
    """The covariance `[latent, latent]` and its Cholesky factor; None: identity."""
    if given is None:
        return np.eye(latent_dim), np.eye(latent_dim)
    try:
        value = np.asarray(given, np.float64)
    except ValueError:
        raise UserError("prior.covariance: got rows of different lengths, want a square matrix.") from None
    if value.shape != (latent_dim, latent_dim):
        wanted = f"{latent_dim} x {latent_dim}, one row a latent dimension"
        raise UserError(f"prior.covariance: got shape {value.shape}, want {wanted}.")
    if not np.isfinite(value).all():
        raise UserError(f"prior.covariance: got {value.tolist()}, want finite numbers.")
    if not np.allclose(value, value.T, rtol=1e-6, atol=1e-8):
        raise UserError(f"prior.covariance: got {value.tolist()}, want a symmetric matrix.")
    try:
        return value, np.linalg.cholesky(value)
    except np.linalg.LinAlgError:
        least = np.linalg.eigvalsh(value).min()
        raise UserError(
            f"prior.covariance: got a smallest eigenvalue of {least:.3g}, want a positive definite matrix: "
            "shrink the correlations or raise the variances."
        ) from None


def _one_a_dimension(name: str, given: Any, latent_dim: int) -> np.ndarray:
    value = np.asarray(given, np.float64)
    if value.shape != (latent_dim,):
        raise UserError(f"prior.{name}: got shape {value.shape}, want {latent_dim} numbers, one a latent dimension.")
    if not np.isfinite(value).all():
        raise UserError(f"prior.{name}: got {value.tolist()}, want finite numbers.")
    return value
