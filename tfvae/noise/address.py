"""The address of a block of noise; see docs/noise.md."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from tfvae.noise import purposes


class Address(NamedTuple):
    """The position at which a block of noise begins.

    Attributes:
      seed: the key, an integer in [0, 2^63), or an int64 scalar tensor.
      purpose: what the noise is for, in [0, 256); see `purposes`.
      step: global step, epoch, or 0, in [0, 2^40).
      first_example: index of the first example of the block in the global batch, data set or request.
      first_sample: index of the first sample of each example, in [0, 2^16).
    """

    seed: int | tf.Tensor
    purpose: int
    step: int | tf.Tensor = 0
    first_example: int | tf.Tensor = 0
    first_sample: int | tf.Tensor = 0

    def of(self, purpose: int) -> Address:
        """The same position in the noise of another purpose."""
        return self._replace(purpose=purpose)

    def level(self, level: int) -> Address:
        """The same position in the noise of a latent level, 0 to 12, of a model with several latents."""
        return self._replace(purpose=purposes.at_level(self.purpose, level))


def key_and_counter(address: Address) -> tuple[tf.Tensor, tf.Tensor]:
    """The key, uint64 `[1]`, and the counter (0, c1) of the first sample, uint64 `[2]`, with few ops."""
    # Computed as int64, whose bits wrap like those of uint64. A purpose from 128 on sets the sign.
    purpose = (address.purpose << 56) - (address.purpose >> 7 << 64)
    step = tf.cast(address.step, tf.int64) * tf.constant([0, 1 << 16], tf.int64)
    counter = tf.constant([0, purpose], tf.int64) + step
    if not (isinstance(address.first_sample, int) and address.first_sample == 0):
        counter += tf.cast(address.first_sample, tf.int64) * tf.constant([0, 1], tf.int64)
    return tf.reshape(tf.cast(address.seed, tf.uint64), [1]), tf.bitcast(counter, tf.uint64)
