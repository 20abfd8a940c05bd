"""Gaussian priors: standard, diagonal or correlated, fixed or trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.latent.density import affine, standard_log_prob
from tfvae.latent.priors import checks
from tfvae.latent.priors.base import Prior


class GaussianPrior(Prior):
    """N(m, L L^T) over the last axis of z; independent and alike at each place of a grid.

    Attributes:
      kind: how the latent op reads it: `standard`, `diagonal` or `cholesky`.
    """

    kind = ""

    def as_gaussian(self) -> GaussianPrior:
        return self

    @property
    def mean(self) -> tf.Tensor:
        """Mean m, `[latent]`."""
        return tf.zeros([self.latent_dim], self.variable_dtype)

    @property
    def scale_tril(self) -> tf.Tensor:
        """Cholesky factor L of the covariance, `[latent, latent]`."""
        raise NotImplementedError(f"{type(self).__name__} must give scale_tril.")

    @property
    def log_diagonal(self) -> tf.Tensor:
        """log L_ii, `[latent]`."""
        raise NotImplementedError(f"{type(self).__name__} must give log_diagonal.")

    def whiten(self, z: tf.Tensor) -> tf.Tensor:
        """L^-1 (z - m): the standard normal noise that gives z."""
        raise NotImplementedError(f"{type(self).__name__} must give whiten.")

    def log_prob(self, z: tf.Tensor, per_dimension: bool = False) -> tf.Tensor:
        whitened = self.whiten(tf.convert_to_tensor(z))
        return standard_log_prob(whitened, len(self.latent_shape), per_dimension, -self.log_diagonal)


@keras.saving.register_keras_serializable(package="tfvae")
class StandardNormal(GaussianPrior):
    """The prior N(0, I).

    Args:
      latent_dim: D.
      grid: axes of spatial latents before the last one.

    Source: Kingma and Welling, Auto-Encoding Variational Bayes, arXiv:1312.6114, section 3.
    """

    kind = "standard"

    @property
    def scale_tril(self) -> tf.Tensor:
        return tf.eye(self.latent_dim, dtype=self.variable_dtype)

    @property
    def log_diagonal(self) -> tf.Tensor:
        return tf.zeros([self.latent_dim], self.variable_dtype)

    def whiten(self, z: tf.Tensor) -> tf.Tensor:
        return z

    def from_noise(self, eps: tf.Tensor, y: tf.Tensor | None = None) -> tf.Tensor:
        return eps


@keras.saving.register_keras_serializable(package="tfvae")
class DiagonalNormal(GaussianPrior):
    """The prior N(m, diag(s^2)); fixed, or trained from its beginning.

    The scale s is held as its logarithm, so that training keeps it positive.

    Args:
      latent_dim: D.
      mean: m, D numbers; None: zero.
      variance: s^2, D positive numbers; None: one.
      trainable: learn m and s.
      grid: axes of spatial latents before the last one.

    Raises:
      UserError: mean or variance are not D finite numbers, or a variance is not positive.

    Example:
      >>> prior = DiagonalNormal(2, mean=[0.0, 1.0], variance=[4.0, 0.25])
      >>> prior.scale.numpy().tolist()
      [2.0, 0.5]
    """

    kind = "diagonal"

    def __init__(
        self,
        latent_dim: int,
        mean: Any = None,
        variance: Any = None,
        trainable: bool = False,
        grid: Sequence[int] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(latent_dim, grid, trainable=trainable, **kwargs)
        self._initial_mean = checks.mean(mean, latent_dim)
        self._initial_variance = checks.variance(variance, latent_dim)
        self.location = self.add_weight(
            shape=(latent_dim,), initializer=_constant(self._initial_mean), trainable=trainable, name="location"
        )
        log_scale = _constant(0.5 * np.log(self._initial_variance))
        self.raw_scale = self.add_weight(
            shape=(latent_dim,), initializer=log_scale, trainable=trainable, name="raw_scale"
        )

    @property
    def mean(self) -> tf.Tensor:
        return tf.convert_to_tensor(self.location)

    @property
    def log_diagonal(self) -> tf.Tensor:
        return tf.convert_to_tensor(self.raw_scale)

    @property
    def scale(self) -> tf.Tensor:
        """Scale s, `[latent]`."""
        return tf.exp(self.log_diagonal)

    @property
    def scale_tril(self) -> tf.Tensor:
        return tf.linalg.diag(self.scale)

    def whiten(self, z: tf.Tensor) -> tf.Tensor:
        return (z - self.mean) * tf.exp(-self.log_diagonal)

    def from_noise(self, eps: tf.Tensor, y: tf.Tensor | None = None) -> tf.Tensor:
        return affine(eps, self.mean, scale=self.scale)

    def get_config(self) -> dict[str, Any]:
        settings = dict(mean=self._initial_mean.tolist(), variance=self._initial_variance.tolist())
        return {**super().get_config(), **settings, "trainable": self.trainable}


@keras.saving.register_keras_serializable(package="tfvae")
class CorrelatedNormal(GaussianPrior):
    """The prior N(m, L L^T), L lower triangular with a positive diagonal; fixed, or trained from its beginning.

    The diagonal of L is held as its logarithm, so that training cannot leave the cone and log |L| is exact.

    Args:
      latent_dim: D.
      mean: m, D numbers; None: zero.
      covariance: D x D, symmetric and positive definite; None: identity.
      trainable: learn m and L.
      grid: axes of spatial latents before the last one, along which z is independent.

    Raises:
      UserError: the covariance has another shape, is not symmetric, or not positive definite.

    Example:
      >>> from tfvae import noise
      >>> prior = CorrelatedNormal(2, covariance=[[1.0, -0.5], [-0.5, 1.0]])
      >>> prior.sample(noise.Address(seed=0, purpose=noise.PRIOR), 3).shape.as_list()
      [3, 2]
    """

    kind = "cholesky"

    def __init__(
        self,
        latent_dim: int,
        mean: Any = None,
        covariance: Any = None,
        trainable: bool = False,
        grid: Sequence[int] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(latent_dim, grid, trainable=trainable, **kwargs)
        self._initial_mean = checks.mean(mean, latent_dim)
        self._initial_covariance, factor = checks.covariance(covariance, latent_dim)
        diagonal = np.diag(factor)
        raw = factor + np.diag(np.log(diagonal) - diagonal)
        self.location = self.add_weight(
            shape=(latent_dim,), initializer=_constant(self._initial_mean), trainable=trainable, name="location"
        )
        self.raw_scale = self.add_weight(
            shape=(latent_dim, latent_dim), initializer=_constant(raw), trainable=trainable, name="raw_scale"
        )

    @property
    def mean(self) -> tf.Tensor:
        return tf.convert_to_tensor(self.location)

    @property
    def log_diagonal(self) -> tf.Tensor:
        return tf.linalg.diag_part(tf.convert_to_tensor(self.raw_scale))

    @property
    def scale_tril(self) -> tf.Tensor:
        lower = tf.linalg.band_part(tf.convert_to_tensor(self.raw_scale), -1, 0)
        return tf.linalg.set_diag(lower, tf.exp(self.log_diagonal))

    def whiten(self, z: tf.Tensor) -> tf.Tensor:
        rows = tf.reshape(z - self.mean, [-1, self.latent_dim])
        whitened = tf.transpose(tf.linalg.triangular_solve(self.scale_tril, tf.transpose(rows)))
        return tf.reshape(whitened, tf.shape(z))

    def from_noise(self, eps: tf.Tensor, y: tf.Tensor | None = None) -> tf.Tensor:
        return affine(eps, self.mean, scale_tril=self.scale_tril)

    def get_config(self) -> dict[str, Any]:
        settings = dict(mean=self._initial_mean.tolist(), covariance=self._initial_covariance.tolist())
        return {**super().get_config(), **settings, "trainable": self.trainable}


def _constant(value: np.ndarray) -> Any:
    return lambda shape, dtype: keras.ops.cast(value, dtype)
