"""Noise with an address: version 1 of the specification, drawn with TensorFlow's own Philox op.

Philox4x32-10 with key = seed and the 128-bit counter

    c1 = purpose * 2^56 + step * 2^16 + sample,   c0 = p div 4,   lane = p mod 4,   p = example * width + element.

Nothing here has state, and no address depends on the batch size, the shard or the number of replicas. TensorFlow's
words are the same with and without XLA but its float transforms are not, so only its words are used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import tensorflow as tf

from tfvae.noise.address import Address, key_and_counter

_PHILOX = 1

Shape: TypeAlias = tf.TensorShape | tf.Tensor | Sequence[int]


def words(address: Address, shape: Shape, samples: int = 1) -> tf.Tensor:
    """Philox words of a block of examples.

    Args:
      address: of the beginning of the block.
      shape: `[batch, …]` of the block; the product of all sizes but the first is the width of one example.
      samples: K samples, each at its own address.

    Returns:
      uint32 `[samples, *shape]`.
    """
    return _block(address, shape, samples, lambda flat: flat)


def uniform(
    address: Address,
    shape: Shape,
    samples: int = 1,
    dtype: tf.DType = tf.float32,
) -> tf.Tensor:
    """Uniform noise in [0, 1), `[samples, *shape]`; float64 uses two words per number, other dtypes one.

    Example:
      >>> uniform(Address(seed=7, purpose=3, step=3), [2, 5]).shape.as_list()
      [1, 2, 5]
    """
    dtype = tf.as_dtype(dtype)
    if dtype != tf.float64:
        return tf.cast(_block(address, shape, samples, unit_interval), dtype)
    pair = words(address, tf.concat([shape, [2]], 0), samples)
    high = tf.cast(tf.bitwise.bitwise_and(pair[..., 0], 0xFFFFF), tf.uint64)
    low = tf.cast(pair[..., 1], tf.uint64)
    bits = tf.bitwise.bitwise_or(tf.bitwise.left_shift(high, tf.constant(32, tf.uint64)), low)
    return tf.bitcast(tf.bitwise.bitwise_or(bits, tf.constant(1023 << 52, tf.uint64)), tf.float64) - 1.0


def normal(
    address: Address,
    shape: Shape,
    samples: int = 1,
    dtype: tf.DType = tf.float32,
) -> tf.Tensor:
    """Standard normal noise, `[samples, *shape]`.

    16-bit types round the float32 value. float64 starts from the same float32 uniform and angle and continues in
    float64, so that it equals the float32 noise up to rounding, and agrees to the last digits in all implementations.

    Example:
      >>> normal(Address(seed=7, purpose=1, step=3), [4, 10], samples=2).shape.as_list()
      [2, 4, 10]

    Source: Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011); Box and Muller (1958).
    """
    wide = tf.float64 if tf.as_dtype(dtype) == tf.float64 else tf.float32
    return tf.cast(_block(address, shape, samples, lambda flat: box_muller(unit_interval(flat), wide)), dtype)


def unit_interval(w: tf.Tensor) -> tf.Tensor:
    """float32 in [0, 1) from the low 23 bits of each word."""
    bits = tf.bitwise.bitwise_or(tf.bitwise.bitwise_and(w, 0x7FFFFF), 0x3F800000)
    return tf.bitcast(bits, tf.float32) - 1.0


def box_muller(units: tf.Tensor, dtype: tf.DType = tf.float32) -> tf.Tensor:
    """Normals of `dtype` from float32 uniforms `[n]`, n even: each pair gives `r sin v, r cos v`."""
    pair = tf.reshape(units, [-1, 2])
    # The bound keeps log finite: one word in eight million has 23 low bits that are zero.
    unit = tf.cast(tf.maximum(pair[:, 0], 1e-7), dtype)
    # The angle is rounded to float32 in every dtype, because otherwise its sine would differ between implementations.
    angle = tf.cast(2.0 * math.pi * pair[:, 1], dtype)
    radius = tf.sqrt(-2.0 * tf.math.log(unit))
    return tf.reshape(tf.stack([radius * tf.sin(angle), radius * tf.cos(angle)], axis=1), [-1])


def _block(address: Address, shape: Shape, samples: int, transform: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
    static = tf.get_static_value(shape) if tf.is_tensor(shape) else tf.TensorShape(shape).as_list()
    shape = tf.cast(tf.convert_to_tensor(shape if static is None else list(static)), tf.int64)
    width, count = tf.reduce_prod(shape[1:]), tf.reduce_prod(shape)
    begin = tf.cast(address.first_example, tf.int64) * width
    lane = tf.bitwise.bitwise_and(begin, tf.constant(3, tf.int64))
    # Drawn from the beginning of a group of four, so that pairs stay together, and up to a multiple of 64, because
    # Eigen's vectorised sin and log differ by an ulp from the scalar versions that would process the rest.
    drawn = tf.bitwise.left_shift(tf.bitwise.right_shift(count + 66, _int64(6)), _int64(6))
    low = tf.cast(tf.bitwise.right_shift(begin, _int64(2)), tf.uint64)
    key, counter = key_and_counter(address)
    high = counter[1]
    rows = [
        tf.raw_ops.StatelessRandomUniformFullIntV2(
            shape=tf.reshape(drawn, [1]),
            key=key,
            counter=tf.stack([low, high + tf.constant(sample, tf.uint64)]),
            alg=_PHILOX,
            dtype=tf.uint32,
        )
        for sample in range(samples)
    ]
    values = tf.reshape(transform(tf.reshape(tf.stack(rows), [-1])), [samples, -1])
    block = tf.slice(values, tf.stack([_int64(0), lane]), tf.stack([_int64(samples), count]))
    return tf.reshape(block, tf.concat([[samples], shape], 0))


def _int64(value: int) -> tf.Tensor:
    return tf.constant(value, tf.int64)
