"""What every prior p(z) is: a Keras layer that states what it can do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfvae import noise
from tfvae.errors import UserError
from tfvae.latent.density import Density, Gaussian
from tfvae.latent.priors import checks

Encode = Callable[[tf.Tensor], Any]


class Prior(keras.layers.Layer):
    """The base of priors; a new one gives `log_prob`, and `from_noise` or `sample`.

    Args:
      latent_dim: the size of the last axis of z.
      grid: the axes of z before it, as `(height, width)` of spatial latents; the prior is the same at each place.

    Attributes:
      latent_shape: of z for one example.
      noise_shape: capability: z is a function of that much standard normal noise. None: it is not, and no generator
        file can be made.
    """

    condition_size: int | None = None  # C of the y that it depends on

    def __init__(self, latent_dim: int, grid: Sequence[int] = (), **kwargs: Any) -> None:
        # Under a mixed policy too, weights and arithmetic of the prior are the policy's variable dtype.
        kwargs.setdefault("dtype", keras.config.dtype_policy().variable_dtype)
        super().__init__(**kwargs)
        self.latent_dim, self.grid = checks.dimension(latent_dim), tuple(int(size) for size in grid)
        self.latent_shape = (*self.grid, self.latent_dim)
        self.noise_shape: tuple[int, ...] | None = self.latent_shape
        self.built = True

    @classmethod
    def from_settings(cls, settings: Any, latent_shape: tuple[int, ...], condition_size: int | None) -> Prior:
        """The prior of its section of the configuration.

        Args:
          settings: of `tfvae.config.prior`, or its own.
          latent_shape: of z for one example.
          condition_size: C of y; None: the model is not conditioned.
        """
        *grid, latent_dim = latent_shape
        place = {"grid": tuple(grid)} if grid else {}
        return cls(latent_dim, **place, **settings.arguments(), name="prior")

    def as_gaussian(self) -> Gaussian | None:
        """Capability: the prior as one Gaussian; None where it is none."""
        # Not a property: Keras follows those when it loads, and would go round for ever where one gives the layer.
        return None

    def bind(self, encode: Encode, y: tf.Tensor | None) -> Density:
        """The density of z for a batch: itself, unless it depends on the encoder or on y.

        Args:
          encode: x to the encoder's outputs by name, as a prior over pseudo-inputs needs it.
          y: `[batch, C]`, or None.
        """
        return self

    def log_prob(self, z: tf.Tensor, per_dimension: bool = False) -> tf.Tensor:
        """log p(z) in nats, `[…]` for z `[…, *latent_shape]`; before the sum over the latent axes on demand."""
        raise NotImplementedError(f"{type(self).__name__} must give log_prob.")

    def from_noise(self, eps: tf.Tensor, y: tf.Tensor | None = None) -> tf.Tensor:
        """z `[n, *latent_shape]` for standard normal eps `[n, *noise_shape]`."""
        raise UserError(f"prior: {type(self).__name__} is not a function of noise; draw with sample.")

    def sample(self, address: noise.Address, n: int | tf.Tensor, y: tf.Tensor | None = None) -> tf.Tensor:
        """Draws `[n, *latent_shape]`; sample i lies at example i of the address.

        Args:
          address: where the noise lies.
          n: how many.
          y: `[n, C]`, for a prior that takes it.
        """
        if self.noise_shape is None:
            raise NotImplementedError(f"{type(self).__name__} must draw its own samples.")
        return self.from_noise(noise.normal(address, [n, *self.noise_shape], dtype=self.variable_dtype)[0], y)

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "latent_dim": self.latent_dim}
        return {**config, "grid": list(self.grid)} if self.grid else config
