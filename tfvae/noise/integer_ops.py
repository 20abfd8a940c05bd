"""The same noise from 32-bit integer ops only, for TFLite, which has no Philox op and no int64 division.

Only the seed is a tensor; the rest of the address is known when the graph is built, so the counters are constants.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from tfvae.noise import box_muller

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)


def normal_from_seed(
    seed: tf.Tensor, shape: list[int] | tuple[int, ...], *, purpose: int, step: int = 0, first_example: int = 0
) -> tf.Tensor:
    """float32 normals `[*shape]`, equal to `noise.normal` at the same address to 2e-6.

    Args:
      seed: int32 `[2]`: low word, high word of the 64-bit seed, as bit patterns.
      shape: static `[batch, …]`.
      purpose: as in `noise.Address`.
      step: as in `noise.Address`, a Python integer.
      first_example: as in `noise.Address`, a Python integer.
    """
    begin, count = first_example * math.prod(shape[1:]), math.prod(shape)
    groups = np.arange(begin // 4, (begin + count + 3) // 4, dtype=np.uint64)
    high = (purpose << 56) + (step << 16)
    counter = [
        groups & 0xFFFFFFFF,
        groups >> 32,
        np.full_like(groups, high & 0xFFFFFFFF),
        np.full_like(groups, high >> 32),
    ]
    state = [tf.constant(word.astype(np.uint32)) for word in counter]
    key = tf.bitcast(seed, tf.uint32)
    words = tf.stack(_philox(state, [key[0], key[1]]), axis=1)
    lane = begin % 4
    return tf.reshape(box_muller(_unit_interval(tf.reshape(words, [-1])))[lane : lane + count], shape)


def _philox(state: list[tf.Tensor], key: list[tf.Tensor]) -> list[tf.Tensor]:
    for _ in range(10):
        high0, low0 = _multiply(state[0], _MULTIPLIERS[0])
        high1, low1 = _multiply(state[2], _MULTIPLIERS[1])
        state = [
            tf.bitwise.bitwise_xor(tf.bitwise.bitwise_xor(high1, state[1]), key[0]),
            low1,
            tf.bitwise.bitwise_xor(tf.bitwise.bitwise_xor(high0, state[3]), key[1]),
            low0,
        ]
        key = [word + tf.constant(weyl, tf.uint32) for word, weyl in zip(key, _WEYL)]
    return state


def _multiply(word: tf.Tensor, factor: int) -> tuple[tf.Tensor, tf.Tensor]:
    """High and low word of the 64-bit product, from 16-bit halves."""
    a0, a1 = _low(word), _shift(word)
    b0, b1 = tf.constant(factor & 0xFFFF, tf.uint32), tf.constant(factor >> 16, tf.uint32)
    middle = a1 * b0 + _shift(a0 * b0)
    carry = a0 * b1 + _low(middle)
    return a1 * b1 + _shift(middle) + _shift(carry), word * tf.constant(factor, tf.uint32)


def _unit_interval(word: tf.Tensor) -> tf.Tensor:
    mantissa = tf.bitwise.right_shift(word * tf.constant(512, tf.uint32), tf.constant(9, tf.uint32))
    return tf.cast(tf.bitcast(mantissa, tf.int32), tf.float32) * 2.0**-23


def _shift(word: tf.Tensor) -> tf.Tensor:
    return tf.bitwise.right_shift(word, tf.constant(16, tf.uint32))


def _low(word: tf.Tensor) -> tf.Tensor:
    # TFLite has no bitwise AND for uint32, so a multiplication shifts the high half out.
    return _shift(word * tf.constant(65536, tf.uint32))
