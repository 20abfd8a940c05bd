"""The latent op in TensorFlow ops: works everywhere, including under XLA and in conversion to TFLite."""

from __future__ import annotations

import math

import tensorflow as tf

from tfvae import noise
from tfvae.latent.priors.gaussian import GaussianPrior
from tfvae.latent.sample import SampleAndKl


def sample_and_kl(
    z_mean: tf.Tensor,
    z_log_var: tf.Tensor,
    prior: GaussianPrior,
    address: noise.Address,
    *,
    samples: int,
    per_dimension: bool,
    log_q: bool,
) -> SampleAndKl:
    """See `tfvae.latent.sample_and_kl`."""
    wide = tf.float64 if z_mean.dtype == tf.float64 else tf.float32
    mean, log_var = tf.cast(z_mean, wide), tf.cast(z_log_var, wide)
    eps = noise.normal(address, _shape(mean), samples, wide)
    z = tf.cast(mean + tf.exp(0.5 * log_var) * eps, z_mean.dtype)
    kl = _kl(mean, log_var, prior)
    latent_axes = list(range(1, mean.shape.rank))
    density = None
    if log_q:
        terms = tf.square(eps) + log_var + math.log(2 * math.pi)
        density = -0.5 * tf.reduce_sum(terms, [axis + 1 for axis in latent_axes])
    return SampleAndKl(z, kl if per_dimension else tf.reduce_sum(kl, latent_axes), density)


def _kl(mean: tf.Tensor, log_var: tf.Tensor, prior: GaussianPrior) -> tf.Tensor:
    """KL(q || p) per dimension, in nats, in the shape of `mean`.

    expm1 keeps the digits near log_var = 0, where exp(v) - 1 - v loses them all in float32.
    """
    if prior.kind == "diagonal":
        # In the prior's own units, where the prior is the standard normal.
        log_scale = tf.cast(prior.log_diagonal, mean.dtype)
        mean, log_var = (mean - tf.cast(prior.mean, mean.dtype)) * tf.exp(-log_scale), log_var - 2.0 * log_scale
    if prior.kind != "cholesky":
        return 0.5 * (tf.square(mean) + tf.math.expm1(log_var) - log_var)
    # Term i = 1/2 (sum_j A_ij^2 s_j^2 + (A (mean - m))_i^2 - 1) + log L_ii - log_var_i / 2, A = L^-1, s^2 = 1 + expm1.
    factor = tf.cast(prior.scale_tril, mean.dtype)
    squares = tf.square(tf.linalg.triangular_solve(factor, tf.eye(prior.latent_dim, dtype=mean.dtype)))
    constant = tf.reduce_sum(squares, axis=1) - 1.0 + 2.0 * tf.cast(prior.log_diagonal, mean.dtype)
    rows = tf.reshape(mean - tf.cast(prior.mean, mean.dtype), [-1, prior.latent_dim])
    shift = tf.reshape(tf.transpose(tf.linalg.triangular_solve(factor, tf.transpose(rows))), _shape(mean))
    spread = tf.reshape(
        tf.matmul(tf.reshape(tf.math.expm1(log_var), [-1, prior.latent_dim]), squares, transpose_b=True), _shape(mean)
    )
    return 0.5 * (spread + tf.square(shift) + constant - log_var)


def _shape(x: tf.Tensor) -> tf.TensorShape | tf.Tensor:
    return x.shape if x.shape.is_fully_defined() else tf.shape(x)
