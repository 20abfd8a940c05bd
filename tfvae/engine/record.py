"""Named values packed into one vector, so that one transfer brings the values of many steps to the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf


class Layout:
    """The place of each named value in the vector; known once the graph is traced."""

    def __init__(self) -> None:
        self._places: dict[str, tuple[slice, tuple[int, ...]]] = {}

    def pack(self, values: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """One float64 vector of all values, which are scalars or vectors of known length."""
        begin, parts = 0, []
        for name, value in values.items():
            flat = tf.reshape(tf.cast(value, tf.float64), [-1])
            self._places[name] = (slice(begin, begin + flat.shape[0]), tuple(value.shape))
            begin += flat.shape[0]
            parts.append(flat)
        return tf.concat(parts, axis=0)

    def unpack(self, vector: np.ndarray) -> dict[str, np.ndarray]:
        """The values by name, from a vector or from the last axis of an array."""
        return {
            name: vector[..., place].reshape(vector.shape[:-1] + shape) for name, (place, shape) in self._places.items()
        }

    def vector(self, values: Mapping[str, Any]) -> np.ndarray:
        """The vector that `unpack` turns into these values; missing values are zero."""
        length = max((place.stop for place, _ in self._places.values()), default=0)
        vector = np.zeros(length)
        for name, (place, _) in self._places.items():
            vector[place] = np.ravel(values.get(name, 0.0))
        return vector
