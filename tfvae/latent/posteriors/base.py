"""The base of posteriors q(z|x), which read the encoder's outputs as a likelihood reads the decoder's."""

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
      kl: nats, `[batch, groups]`: a group is a dimension, a level, or all dimensions; in closed form if posterior and
        prior have one, else the mean of log q - log p over the samples. None for a deterministic posterior.
      log_q: log q(z|x) in nats, `[samples, batch]`; None if it was not requested or does not exist.
      penalty: nats, `[batch]`, such as a commitment loss; None: no penalty.
      sums: additive statistics by name, such as codebook counts.
    """

    z: tf.Tensor
    kl: tf.Tensor | None
    log_q: tf.Tensor | None = None
    penalty: tf.Tensor | None = None
    sums: Mapping[str, tf.Tensor] = _NONE


class Posterior(keras.layers.Layer):
    """Base class of posteriors; a subclass defines `outputs`, `sample` and `point`."""

    def __init__(self, **kwargs: Any) -> None:
        # KL and log q are sums, so they need at least float32 under any policy.
        kwargs.setdefault("dtype", keras.config.dtype_policy().variable_dtype)
        super().__init__(**kwargs)
        self.built = True

    @classmethod
    def from_settings(cls, settings: Any, latent: str) -> Posterior:
        """Makes the posterior from its section of the configuration.

        Args:
          settings: a dataclass of `tfvae.config.posterior`, or the subclass's own.
          latent: implementation of the latent op, for posteriors that call it.
        """
        return cls(**settings.arguments(), name="posterior")

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of z, for `summary`."""
        return input_shape

    def outputs(self, latent_shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the encoder outputs that it reads, in the order of an unnamed list.

        Args:
          latent_shape: of z for one example.
        """
        raise NotImplementedError(f"{type(self).__name__} must define outputs, the encoder outputs that it reads.")

    def latent_shape(self, outputs: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
        """The shape of z for one example, from the shapes of the encoder's outputs."""
        return next(iter(outputs.values()))

    def sample(
        self, outputs: Outputs, prior: Density, address: noise.Address, *, samples: int = 1, log_q: bool = False
    ) -> LatentSample:
        """Draws z for each example and computes its KL to the prior.

        Args:
          outputs: of the encoder, by name.
          prior: for this batch, as `Prior.bind` returns it.
          address: of the noise of the first example.
          samples: K samples per example.
          log_q: also return log q(z|x).
        """
        raise NotImplementedError(f"{type(self).__name__} must define sample.")

    def point(self, outputs: Outputs) -> tf.Tensor:
        """The z that `reconstruct` decodes, `[batch, *latent_shape]`."""
        raise NotImplementedError(f"{type(self).__name__} must define point.")

    def density(self, outputs: Outputs) -> Density | None:
        """q(z|x_i) for each example; None if it can be evaluated only at its own samples."""
        return None
