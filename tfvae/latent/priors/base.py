"""The base of priors p(z): a Keras layer that declares its capabilities."""

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
    """Base class of priors; a subclass defines `log_prob`, and `from_noise` or `sample`.

    Args:
      latent_dim: the size of the last axis of z.
      grid: the axes of z before it, as `(height, width)` of spatial latents; the prior is the same at each position.

    Attributes:
      latent_shape: of z for one example.
      noise_shape: capability: z is a function of standard normal noise of this shape. None: it is not, and no generator
        file can be exported.
    """

    condition_size: int | None = None  # C of the y that the prior depends on

    def __init__(self, latent_dim: int, grid: Sequence[int] = (), **kwargs: Any) -> None:
        # Weights and arithmetic of the prior have the policy's variable dtype, also under a mixed policy.
        kwargs.setdefault("dtype", keras.config.dtype_policy().variable_dtype)
        super().__init__(**kwargs)
        self.latent_dim, self.grid = checks.dimension(latent_dim), tuple(int(size) for size in grid)
        self.latent_shape = (*self.grid, self.latent_dim)
        self.noise_shape: tuple[int, ...] | None = self.latent_shape
        self.built = True

    @classmethod
    def from_settings(cls, settings: Any, latent_shape: tuple[int, ...], condition_size: int | None) -> Prior:
        """Makes the prior from its section of the configuration.

        Args:
          settings: a dataclass of `tfvae.config.prior`, or the subclass's own.
          latent_shape: of z for one example.
          condition_size: C of y; None: the model is unconditional.
        """
        *grid, latent_dim = latent_shape
        spatial = {"grid": tuple(grid)} if grid else {}
        return cls(latent_dim, **spatial, **settings.arguments(), name="prior")

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of z, for `summary`."""
        return input_shape

    def as_gaussian(self) -> Gaussian | None:
        """Capability: the prior as a single Gaussian; None if it is not one."""
        # Not a property: Keras follows properties when it loads, and would recurse forever if one returned the layer.
        return None

    def bind(self, encode: Encode, y: tf.Tensor | None) -> Density:
        """The density of z for a batch: the prior itself, unless it depends on the encoder or on y.

        Args:
          encode: maps x to the encoder's outputs by name, for priors over pseudo-inputs.
          y: `[batch, C]`, or None.
        """
        return self

    def log_prob(self, z: tf.Tensor, per_dimension: bool = False) -> tf.Tensor:
        """log p(z) in nats, `[…]` for z `[…, *latent_shape]`; `per_dimension`: before the sum over the latent axes."""
        raise NotImplementedError(f"{type(self).__name__} must define log_prob.")

    def from_noise(self, eps: tf.Tensor, y: tf.Tensor | None = None) -> tf.Tensor:
        """z `[n, *latent_shape]` for standard normal eps `[n, *noise_shape]`."""
        raise UserError(f"prior: {type(self).__name__} is not a function of noise; use sample.")

    def sample(self, address: noise.Address, n: int | tf.Tensor, y: tf.Tensor | None = None) -> tf.Tensor:
        """Draws `[n, *latent_shape]`; sample i is example i of the address.

        Args:
          address: of the noise.
          n: number of samples.
          y: `[n, C]`, for a prior that depends on y.
        """
        if self.noise_shape is None:
            raise NotImplementedError(f"{type(self).__name__} must define sample.")
        return self.from_noise(noise.normal(address, [n, *self.noise_shape], dtype=self.variable_dtype)[0], y)

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "latent_dim": self.latent_dim}
        return {**config, "grid": list(self.grid)} if self.grid else config
