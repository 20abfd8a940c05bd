"""The latent op in compiled code: forward and gradient each take one pass over memory and store no noise."""

from __future__ import annotations

import tensorflow as tf

from tfvae import native, noise
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
    location, scale = _parameters(prior, wide)
    key, counter = noise.key_and_counter(address)
    z, kl, density = native.ops().tfvae_sample_and_kl(
        z_mean,
        z_log_var,
        location,
        scale,
        key=key,
        counter=counter,
        first_example=tf.cast(address.first_example, tf.int64),
        samples=samples,
        prior=prior.kind,
        per_dimension=per_dimension,
        with_log_q=log_q,
        prior_gradient=bool(prior.trainable_weights),
    )
    return SampleAndKl(z, kl, density if log_q else None)


def _parameters(prior: GaussianPrior, dtype: tf.DType) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and scale as the op reads them; scale is empty (standard prior), `[latent]`, or the Cholesky factor."""
    if prior.kind == "standard":
        return tf.zeros([0], dtype), tf.zeros([0], dtype)
    scale = prior.scale if prior.kind == "diagonal" else prior.scale_tril
    return tf.cast(prior.mean, dtype), tf.cast(scale, dtype)
