"""The diagonal Gaussian posterior, sampled with the latent op."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfvae import noise
from tfvae.latent.density import Density, DiagonalDensity
from tfvae.latent.posteriors.base import LatentSample, Outputs, Posterior
from tfvae.latent.priors import StandardNormal
from tfvae.latent.sample import resolve, sample_and_kl


@keras.saving.register_keras_serializable(package="tfvae")
class GaussianPosterior(Posterior):
    """q(z|x) = N(z_mean, diag(exp(z_log_var))).

    With a Gaussian prior the KL has a closed form, one value per latent dimension. With any other prior it is the mean
    of log q(z|x) - log p(z) over the samples, one value in total.

    Args:
      latent: implementation of the latent op: auto, fused, plain or reference.

    Example:
      >>> outputs = {"z_mean": tf.zeros([2, 3]), "z_log_var": tf.zeros([2, 3])}
      >>> drawn = GaussianPosterior().sample(outputs, StandardNormal(3), noise.Address(0, noise.TRAINING))
      >>> drawn.z.shape.as_list(), drawn.kl.shape.as_list()
      ([1, 2, 3], [2, 3])

    Source: Kingma and Welling, Auto-Encoding Variational Bayes, arXiv:1312.6114, section 3 and appendix B.
    """

    def __init__(self, latent: str = "auto", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if latent != "fused":  # fused is resolved when it runs, so that a model saved with it loads everywhere
            resolve(latent)
        self.latent = latent

    @classmethod
    def from_settings(cls, settings: Any, latent: str) -> GaussianPosterior:
        return cls(latent, **settings.arguments(), name="posterior")

    def outputs(self, latent_shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        return {"z_mean": latent_shape, "z_log_var": latent_shape}

    def sample(
        self, outputs: Outputs, prior: Density, address: noise.Address, *, samples: int = 1, log_q: bool = False
    ) -> LatentSample:
        z_mean, z_log_var = outputs["z_mean"], outputs["z_log_var"]
        gaussian = prior.as_gaussian()
        if isinstance(gaussian, DiagonalDensity):
            return self._with_prior_per_example(z_mean, z_log_var, gaussian, address, samples, log_q)
        closed_form = gaussian is not None
        drawn = sample_and_kl(
            z_mean,
            z_log_var,
            gaussian or StandardNormal(z_mean.shape[-1], dtype=self.variable_dtype),
            address,
            samples=samples,
            per_dimension=True,
            log_q=log_q or not closed_form,
            implementation=self.latent,
        )
        kl = _flat(drawn.kl) if closed_form else tf.reduce_mean(drawn.log_q - prior.log_prob(drawn.z), axis=0)[:, None]
        return LatentSample(drawn.z, kl, drawn.log_q if log_q else None)

    def point(self, outputs: Outputs) -> tf.Tensor:
        return outputs["z_mean"]

    def density(self, outputs: Outputs) -> Density:
        return DiagonalDensity(outputs["z_mean"], outputs["z_log_var"])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "latent": self.latent}

    def _with_prior_per_example(
        self,
        z_mean: tf.Tensor,
        z_log_var: tf.Tensor,
        prior: DiagonalDensity,
        address: noise.Address,
        samples: int,
        log_q: bool,
    ) -> LatentSample:
        """Draws and computes the KL in the units of each example's prior, where that prior is the standard normal."""
        # Under mixed precision the prior's density may be wider than the encoder's outputs.
        z_mean, z_log_var = tf.cast(z_mean, prior.mean.dtype), tf.cast(z_log_var, prior.mean.dtype)
        drawn = sample_and_kl(
            prior.whiten(z_mean),
            z_log_var - prior.log_var,
            StandardNormal(z_mean.shape[-1], dtype=self.variable_dtype),
            address,
            samples=samples,
            per_dimension=True,
            log_q=log_q,
            implementation=self.latent,
        )
        density = None
        if log_q:
            latent_axes = list(range(1, z_mean.shape.rank))
            log_var = tf.broadcast_to(prior.log_var, tf.shape(z_mean))  # the same at each position of a grid
            density = drawn.log_q - 0.5 * tf.reduce_sum(log_var, latent_axes)
        return LatentSample(prior.from_noise(drawn.z), _flat(drawn.kl), density)


def _flat(kl: tf.Tensor) -> tf.Tensor:
    return kl if kl.shape.rank == 2 else tf.reshape(kl, [-1, kl.shape[1:].num_elements()])
