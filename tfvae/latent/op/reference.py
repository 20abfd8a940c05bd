"""The latent op in TensorFlow Probability: the oracle of the tests, and a row of the benchmarks."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import noise
from tfvae.latent.priors.gaussian import GaussianPrior
from tfvae.latent.sample import SampleAndKl

tfd = tfp.distributions


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
    scale = tf.exp(0.5 * log_var)
    eps = noise.normal(address, tf.shape(mean), samples, wide)
    posterior = tfd.Normal(mean, scale)
    z = posterior.loc + posterior.scale * eps
    latent_axes = list(range(1, mean.shape.rank))
    density = tf.reduce_sum(posterior.log_prob(z), [axis + 1 for axis in latent_axes]) if log_q else None
    if prior.kind != "cholesky":
        deviation = tf.linalg.diag_part(tf.cast(prior.scale_tril, wide))
        kl = posterior.kl_divergence(tfd.Normal(tf.cast(prior.mean, wide), deviation))
        kl = kl if per_dimension else tf.reduce_sum(kl, latent_axes)
    elif per_dimension:
        kl = _chain_rule_kl(mean, scale, prior)
    else:
        kl = tf.reduce_sum(_leading_kl(mean, scale, prior, prior.latent_dim), latent_axes[:-1])
    return SampleAndKl(tf.cast(z, z_mean.dtype), kl, density)


def _leading_kl(mean: tf.Tensor, scale: tf.Tensor, prior: GaussianPrior, size: int) -> tf.Tensor:
    """KL of the first `size` dimensions, `[batch, …]` without the last axis, in nats."""
    location, factor = tf.cast(prior.mean, mean.dtype), tf.cast(prior.scale_tril, mean.dtype)
    posterior = tfd.MultivariateNormalDiag(mean[..., :size], scale[..., :size])
    return posterior.kl_divergence(tfd.MultivariateNormalTriL(location[:size], factor[:size, :size]))


def _chain_rule_kl(mean: tf.Tensor, scale: tf.Tensor, prior: GaussianPrior) -> tf.Tensor:
    """Term i is the KL of the first i dimensions minus that of the first i - 1: TFP's own closed form, D times."""
    leading = [_leading_kl(mean, scale, prior, size) for size in range(1, prior.latent_dim + 1)]
    sums = tf.stack([tf.zeros_like(leading[0]), *leading], axis=-1)
    return sums[..., 1:] - sums[..., :-1]
