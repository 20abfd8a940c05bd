"""A prior that depends on y: a diagonal Gaussian whose mean and scale a small network gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfvae.errors import UserError
from tfvae.latent.density import DiagonalDensity
from tfvae.latent.priors.base import Encode, Prior
from tfvae.networks import heads

LOG_VAR_RANGE = (-8.0, 8.0)


@keras.saving.register_keras_serializable(package="tfvae")
class ConditionalGaussian(Prior):
    """The learned prior p(z|y) = N(m(y), diag(s(y)^2)).

    m and log s^2 are outputs of a dense network of y, which begins near the standard normal.

    Args:
      latent_dim: D.
      condition_size: C of y `[batch, C]`.
      hidden: widths of the network; none: m and log s^2 are linear in y, which for labels is one Gaussian a class.
      grid: axes of spatial latents before the last one; the prior is the same at each place.

    Example:
      >>> prior = ConditionalGaussian(2, condition_size=10)
      >>> prior.from_noise(tf.zeros([3, 2]), tf.one_hot([0, 1, 2], 10)).shape.as_list()
      [3, 2]

    Source: Sohn et al., Learning structured output representation using deep conditional generative models, NeurIPS
    2015, equation 3.
    """

    def __init__(
        self,
        latent_dim: int,
        condition_size: int,
        hidden: Sequence[int] = (),
        grid: Sequence[int] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(latent_dim, grid, **kwargs)
        self.condition_size, self.hidden = int(condition_size), tuple(int(width) for width in hidden)
        y = features = keras.Input((self.condition_size,), dtype=self.variable_dtype, name="y")
        for level, width in enumerate(self.hidden):
            features = keras.layers.Dense(width, "relu", dtype=self.variable_dtype, name=f"prior_{level}")(features)

        def head(name: str) -> Any:
            options = dict(kernel_initializer=heads.small(), dtype=self.variable_dtype)
            return keras.layers.Dense(latent_dim, name=name, **options)(features)

        log_var = heads.smooth_bound(head("prior_log_var_raw"), *LOG_VAR_RANGE, "prior_log_var")
        self.network = keras.Model(y, [head("prior_mean"), log_var], name="prior_network")

    @classmethod
    def from_settings(
        cls, settings: Any, latent_shape: tuple[int, ...], condition_size: int | None
    ) -> ConditionalGaussian:
        if condition_size is None:
            raise UserError("prior.name: conditional depends on y; set network.condition to label or attributes.")
        *grid, latent_dim = latent_shape
        return cls(latent_dim, condition_size, grid=grid, **settings.arguments(), name="prior")

    def bind(self, encode: Encode, y: tf.Tensor | None) -> DiagonalDensity:
        if y is None:
            raise UserError("prior: ConditionalGaussian depends on y; pass y.")
        mean, log_var = self.network(tf.cast(y, self.variable_dtype))
        shape = [-1, *(1 for _ in self.grid), self.latent_dim]
        return DiagonalDensity(tf.reshape(mean, shape), tf.reshape(log_var, shape))

    def from_noise(self, eps: tf.Tensor, y: tf.Tensor | None = None) -> tf.Tensor:
        return self.bind(lambda x: x, y).from_noise(eps)

    def log_prob(self, z: tf.Tensor, per_dimension: bool = False) -> tf.Tensor:
        raise UserError("prior: ConditionalGaussian has no density without y; bind it to a batch first.")

    def get_config(self) -> dict[str, Any]:
        settings = dict(condition_size=self.condition_size, hidden=list(self.hidden))
        return {**super().get_config(), **settings}
