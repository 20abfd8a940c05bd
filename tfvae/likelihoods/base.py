"""Likelihoods p(x|z): Keras layers that read the decoder's outputs, in nats, summed over the axes of one example.

Each lists the decoder outputs that it needs (`parameters`), and its methods take them as a dictionary of tensors
`[…, *event]` with leading axes `[batch]` or `[samples, batch]`, for x `[batch, *event]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfvae import noise

Parameters = Mapping[str, tf.Tensor]


class Likelihood(keras.layers.Layer):
    """Base class of likelihoods: `log_prob`, `mean` and `sample` from the decoder's outputs.

    A subclass defines `_log_density`, `_mean` and `_from_uniform`.

    Attributes:
      parameters: names of the decoder outputs.
      support: range of x in model units; None: any real number.
    """

    parameters: tuple[str, ...] = ("logits",)
    support: tuple[float, float] | None = (0.0, 1.0)

    def __init__(self, **kwargs: Any) -> None:
        # A log density summed over pixels needs more than 16 bits: at least float32, whatever the policy.
        kwargs.setdefault("dtype", keras.config.dtype_policy().variable_dtype)
        super().__init__(**kwargs)
        self.built = True

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of x, for `summary`."""
        return input_shape

    def outputs(self, event_shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the decoder outputs that it reads, in the order of an unnamed list.

        Args:
          event_shape: of one example.
        """
        return dict.fromkeys(self.parameters, event_shape)

    def log_prob(self, x: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        """log p(x|z) in nats, summed over the event: `[batch]` or `[samples, batch]`."""
        x = self._wide(x)
        event = x.shape[1:]
        wide = {name: _rows(self._wide(value), event) for name, value in parameters.items()}
        return tf.reduce_sum(self._log_density(_rows(x, event), wide), axis=-1)

    def mean(self, parameters: Parameters) -> tf.Tensor:
        """E[x|z] in model units, in the shape of the parameters."""
        return self._mean({name: self._wide(value) for name, value in parameters.items()})

    def sample(self, parameters: Parameters, address: noise.Address) -> tf.Tensor:
        """Draws x from p(x|z) for parameters `[batch, *event]`; example i is example i of the address."""
        wide = {name: self._wide(value) for name, value in parameters.items()}
        first = wide[self.parameters[0]]
        # Clipped half an ulp away from 0 and 1, where inverse distribution functions are infinite.
        u = tf.clip_by_value(noise.uniform(address, tf.shape(first)), 2.0**-24, 1.0 - 2.0**-24)[0]
        return self._from_uniform(wide, tf.cast(u, first.dtype))

    def _wide(self, value: tf.Tensor) -> tf.Tensor:
        return tf.cast(value, self.variable_dtype)

    def _log_density(self, x: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        raise NotImplementedError(f"{type(self).__name__} must define _log_density.")

    def _mean(self, parameters: Parameters) -> tf.Tensor:
        raise NotImplementedError(f"{type(self).__name__} must define _mean.")

    def _from_uniform(self, parameters: Parameters, u: tf.Tensor) -> tf.Tensor:
        raise NotImplementedError(f"{type(self).__name__} must define _from_uniform.")


def _rows(value: tf.Tensor, event: tf.TensorShape) -> tf.Tensor:
    """`[…, *event]` as `[…, values]`, because XLA's loops over the single channel of an image are short and slow."""
    leading = tf.shape(value)[: value.shape.rank - event.rank]
    return tf.reshape(value, tf.concat([leading, [event.num_elements()]], axis=0))
