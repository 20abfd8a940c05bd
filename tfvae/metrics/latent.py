"""Metrics of how the latent space is used, from arrays."""

from __future__ import annotations

import numpy as np

ACTIVE_VARIANCE = 0.01


def active_units(mean: np.ndarray, mean_square: np.ndarray) -> int:
    """Number of latent dimensions with Var_x(E[z|x]) above 0.01.

    Args:
      mean: average of z_mean over the examples, `[latent]`.
      mean_square: average of its square, `[latent]`.

    Example:
      >>> active_units(np.zeros(2), np.array([0.5, 0.001]))
      1

    Source: Burda et al., Importance weighted autoencoders, arXiv:1509.00519, section 5.2.
    """
    return int(np.sum(np.asarray(mean_square) - np.square(mean) > ACTIVE_VARIANCE))


def aggregate_kl(mean: np.ndarray, covariance: np.ndarray, prior_mean: np.ndarray, scale_tril: np.ndarray) -> float:
    """KL in nats from the Gaussian of the aggregate posterior's moments to the prior N(m, L L^T).

    KL = (tr(P^-1 C) + (mu - m)^T P^-1 (mu - m) - D + log |P| - log |C|) / 2 with P = L L^T. It is large if samples of
    the prior land far from all encoded examples.

    Args:
      mean: of the aggregate posterior, `[latent]`.
      covariance: of it, `[latent, latent]`.
      prior_mean: `[latent]`.
      scale_tril: L, `[latent, latent]`.
    """
    whitened = np.linalg.solve(scale_tril, covariance)
    whitened = np.linalg.solve(scale_tril, whitened.T)
    shift = np.linalg.solve(scale_tril, mean - prior_mean)
    log_det = np.linalg.slogdet(whitened)[1]
    return float(0.5 * (np.trace(whitened) + shift @ shift - len(mean) - log_det))
