"""What every posterior q(z|x) is: a reader of the encoder's outputs, as a likelihood is of the decoder's."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tfvae import noise
from tfvae.latent.density import Density

Outputs = Mapping[str, tf.Tensor]
_NONE: Mapping[str, Any] = MappingProxyType({})


class LatentSample(NamedTuple):
    """Draws from the posterior of a batch.

    Attributes:
      z: `[samples, batch, *latent_shape]`.
      kl: nats, `[batch, groups]`: a group is a dimension, a level, or all at once; closed where both sides allow it,
        else the mean of log q - log p over the samples. None for a deterministic posterior.
      log_q: log q(z|x) in nats, `[samples, batch]`, or None where it was not asked for or is not there.
      penalty: nats, `[batch]`, such as a commitment loss; None: no penalty.
      sums: additive statistics by name, such as codebook counts.
    """

    z: tf.Tensor
    kl: tf.Tensor | None
    log_q: tf.Tensor | None = None
    penalty: tf.Tensor | None = None
    sums: Mapping[str, tf.Tensor] = _NONE


class Posterior(keras.layers.Layer):
    """The base of posteriors; a new one gives `outputs`, `sample` and `point`."""

    def __init__(self, **kwargs: Any) -> None:
        # KL and log q are sums: float32 at least, whatever the policy.
        kwargs.setdefault("dtype", keras.config.dtype_policy().variable_dtype)
        super().__init__(**kwargs)
        self.built = True

    @classmethod
    def from_settings(cls, settings: Any, latent: str) -> Posterior:
        """The posterior of its section of the configuration.

        Args:
          settings: of `tfvae.config.posterior`, or its own.
          latent: implementation of the latent op, for those that call it.
        """
        return cls(**settings.arguments(), name="posterior")

    def outputs(self, latent_shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the encoder outputs that it reads, in the order of a bare list.

        Args:
          latent_shape: of z for one example.
        """
        raise NotImplementedError(f"{type(self).__name__} must say which encoder outputs it reads.")

    def latent_shape(self, outputs: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
        """The shape of z for one example, from the shapes of the encoder's outputs."""
        return next(iter(outputs.values()))

    def sample(
        self, outputs: Outputs, prior: Density, address: noise.Address, *, samples: int = 1, log_q: bool = False
    ) -> LatentSample:
        """Draws z for each example and computes its KL to the prior.

        Args:
          outputs: of the encoder, by name.
          prior: bound to the batch.
          address: where the noise of the first example lies.
          samples: K, of each example.
          log_q: also give log q(z|x).
        """
        raise NotImplementedError(f"{type(self).__name__} must draw z.")

    def point(self, outputs: Outputs) -> tf.Tensor:
        """The z that `reconstruct` decodes, `[batch, *latent_shape]`."""
        raise NotImplementedError(f"{type(self).__name__} must give a point.")

    def density(self, outputs: Outputs) -> Density | None:
        """q(z|x_i) of each example; None where it cannot be evaluated at a z that was not drawn from it."""
        return None
