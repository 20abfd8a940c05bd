"""Priors p(z): Keras layers, so that they are trained, checkpointed and saved like everything else."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import catalog, noise
from tfvae.config import Prior as Settings
from tfvae.latent.priors import checks as prior_checks


@keras.saving.register_keras_serializable(package="tfvae")
class StandardNormal(keras.layers.Layer):
    """The prior N(0, I).

    Source: Kingma and Welling, Auto-Encoding Variational Bayes, arXiv:1312.6114, section 3.
    """

    kind = "standard"

    def __init__(self, latent_dim: int, **kwargs: Any) -> None:
        super().__init__(**_float32_unless_float64(kwargs))
        self.latent_dim = prior_checks.dimension(latent_dim)
        self.built = True

    @property
    def mean(self) -> tf.Tensor:
        """Mean, `[latent]`."""
        return tf.zeros([self.latent_dim], self.variable_dtype)

    @property
    def scale_tril(self) -> tf.Tensor:
        """Cholesky factor of the covariance, `[latent, latent]`."""
        return tf.eye(self.latent_dim, dtype=self.variable_dtype)

    def log_prob(self, z: tf.Tensor) -> tf.Tensor:
        """log p(z) in nats, `[…]` for z `[…, latent]`."""
        return _standard_log_prob(z)

    def sample(self, address: noise.Address, num_samples: int) -> tf.Tensor:
        """Draws `[num_samples, latent]`; sample i lies at example i of the address."""
        return noise.normal(address, [num_samples, self.latent_dim], dtype=self.variable_dtype)[0]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "latent_dim": self.latent_dim}


@keras.saving.register_keras_serializable(package="tfvae")
class DiagonalNormal(keras.layers.Layer):
    """The prior N(m, diag(s^2)); fixed, or trained from its beginning.

    The scale s is held as its logarithm, so that training keeps it positive.

    Args:
      latent_dim: D.
      mean: m, D numbers; None: zero.
      variance: s^2, D positive numbers; None: one.
      trainable: learn m and s.

    Raises:
      UserError: mean or variance are not D finite numbers, or a variance is not positive.

    Example:
      >>> prior = DiagonalNormal(2, mean=[0.0, 1.0], variance=[4.0, 0.25])
      >>> prior.scale.numpy().tolist()
      [2.0, 0.5]
    """

    kind = "diagonal"

    def __init__(
        self, latent_dim: int, mean: Any = None, variance: Any = None, trainable: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(trainable=trainable, **_float32_unless_float64(kwargs))
        self.latent_dim = prior_checks.dimension(latent_dim)
        self._initial_mean = prior_checks.mean(mean, latent_dim)
        self._initial_variance = prior_checks.variance(variance, latent_dim)
        self.location = self.add_weight(
            shape=(latent_dim,), initializer=_constant(self._initial_mean), trainable=trainable, name="location"
        )
        log_scale = _constant(0.5 * np.log(self._initial_variance))
        self.raw_scale = self.add_weight(
            shape=(latent_dim,), initializer=log_scale, trainable=trainable, name="raw_scale"
        )
        self.built = True

    @property
    def mean(self) -> tf.Tensor:
        """Mean m, `[latent]`."""
        return tf.convert_to_tensor(self.location)

    @property
    def log_scale(self) -> tf.Tensor:
        """log s, `[latent]`."""
        return tf.convert_to_tensor(self.raw_scale)

    @property
    def scale(self) -> tf.Tensor:
        """Scale s, `[latent]`."""
        return tf.exp(self.log_scale)

    @property
    def scale_tril(self) -> tf.Tensor:
        """Cholesky factor of the covariance, `[latent, latent]`."""
        return tf.linalg.diag(self.scale)

    def log_prob(self, z: tf.Tensor) -> tf.Tensor:
        """log p(z) in nats, `[…]` for z `[…, latent]`."""
        whitened = (tf.convert_to_tensor(z) - self.mean) * tf.exp(-self.log_scale)
        return _standard_log_prob(whitened) - tf.reduce_sum(self.log_scale)

    def sample(self, address: noise.Address, num_samples: int) -> tf.Tensor:
        """Draws `[num_samples, latent]`: m + s eps, eps of sample i at example i of the address."""
        eps = noise.normal(address, [num_samples, self.latent_dim], dtype=self.variable_dtype)[0]
        return self.mean + self.scale * eps

    def get_config(self) -> dict[str, Any]:
        settings = dict(mean=self._initial_mean.tolist(), variance=self._initial_variance.tolist())
        return {**super().get_config(), "latent_dim": self.latent_dim, **settings, "trainable": self.trainable}


@keras.saving.register_keras_serializable(package="tfvae")
class CorrelatedNormal(keras.layers.Layer):
    """The prior N(m, L L^T), L lower triangular with a positive diagonal; fixed, or trained from its beginning.

    The diagonal of L is held as its logarithm, so that training cannot leave the cone and log |L| is exact.

    Args:
      latent_dim: D.
      mean: m, D numbers; None: zero.
      covariance: D x D, symmetric and positive definite; None: identity.
      trainable: learn m and L.

    Raises:
      UserError: the covariance has another shape, is not symmetric, or not positive definite.

    Example:
      >>> prior = CorrelatedNormal(2, covariance=[[1.0, -0.5], [-0.5, 1.0]])
      >>> prior.sample(noise.Address(seed=0, purpose=noise.PRIOR), 3).shape.as_list()
      [3, 2]
    """

    kind = "cholesky"

    def __init__(
        self, latent_dim: int, mean: Any = None, covariance: Any = None, trainable: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(trainable=trainable, **_float32_unless_float64(kwargs))
        self.latent_dim = prior_checks.dimension(latent_dim)
        self._initial_mean = prior_checks.mean(mean, latent_dim)
        self._initial_covariance, factor = prior_checks.covariance(covariance, latent_dim)
        diagonal = np.diag(factor)
        raw = factor + np.diag(np.log(diagonal) - diagonal)
        self.location = self.add_weight(
            shape=(latent_dim,), initializer=_constant(self._initial_mean), trainable=trainable, name="location"
        )
        self.raw_scale = self.add_weight(
            shape=(latent_dim, latent_dim), initializer=_constant(raw), trainable=trainable, name="raw_scale"
        )
        self.built = True

    @property
    def mean(self) -> tf.Tensor:
        """Mean m, `[latent]`."""
        return tf.convert_to_tensor(self.location)

    @property
    def log_diagonal(self) -> tf.Tensor:
        """log L_ii, `[latent]`."""
        return tf.linalg.diag_part(tf.convert_to_tensor(self.raw_scale))

    @property
    def scale_tril(self) -> tf.Tensor:
        """Cholesky factor L of the covariance, `[latent, latent]`."""
        lower = tf.linalg.band_part(tf.convert_to_tensor(self.raw_scale), -1, 0)
        return tf.linalg.set_diag(lower, tf.exp(self.log_diagonal))

    def log_prob(self, z: tf.Tensor) -> tf.Tensor:
        """log p(z) in nats, `[…]` for z `[…, latent]`."""
        z = tf.convert_to_tensor(z)
        rows = tf.reshape(z - self.mean, [-1, self.latent_dim])
        whitened = tf.transpose(tf.linalg.triangular_solve(self.scale_tril, tf.transpose(rows)))
        return tf.reshape(_standard_log_prob(whitened), tf.shape(z)[:-1]) - tf.reduce_sum(self.log_diagonal)

    def sample(self, address: noise.Address, num_samples: int) -> tf.Tensor:
        """Draws `[num_samples, latent]`: m + L eps, eps of sample i at example i of the address."""
        eps = noise.normal(address, [num_samples, self.latent_dim], dtype=self.variable_dtype)[0]
        return self.mean + tf.matmul(eps, self.scale_tril, transpose_b=True)

    def get_config(self) -> dict[str, Any]:
        settings = dict(mean=self._initial_mean.tolist(), covariance=self._initial_covariance.tolist())
        return {**super().get_config(), "latent_dim": self.latent_dim, **settings, "trainable": self.trainable}


Prior = StandardNormal | DiagonalNormal | CorrelatedNormal


def from_settings(settings: Settings, latent_dim: int) -> Prior:
    """The prior that the settings name: its class, called with the latent dimension and the settings that it has.

    Raises:
      UserError: settings that the prior cannot use.

    Example:
      >>> from tfvae.config.prior import Diagonal
      >>> from_settings(Diagonal(variance=(4.0, 0.25)), 2).scale.numpy().tolist()
      [2.0, 0.5]
    """
    prior: Prior = catalog.load("prior", settings.name)(latent_dim, **settings.arguments(), name="prior")
    return prior


def _standard_log_prob(z: tf.Tensor) -> tf.Tensor:
    return -0.5 * tf.reduce_sum(tf.square(z) + math.log(2 * math.pi), axis=-1)


def _float32_unless_float64(kwargs: dict[str, Any]) -> dict[str, Any]:
    # Under a mixed policy too, weights and arithmetic of the prior are the policy's variable dtype.
    kwargs.setdefault("dtype", keras.config.dtype_policy().variable_dtype)
    return kwargs


def _constant(value: np.ndarray) -> Any:
    return lambda shape, dtype: keras.ops.cast(value, dtype)
