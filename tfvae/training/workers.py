"""Which replicas this process runs, and what its fellow workers must know of each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf


class Place(NamedTuple):
    """Where this process stands among the workers of a strategy.

    Attributes:
      first_replica: number of its first replica among all.
      replicas: how many of them it runs.
      chief: whether it is the one that writes.
    """

    first_replica: int
    replicas: int
    chief: bool


def place(strategy: tf.distribute.Strategy) -> Place:
    """The place of this process."""
    return Place(0, strategy.num_replicas_in_sync, True)


def total(strategy: tf.distribute.Strategy, values: np.ndarray) -> np.ndarray:
    """The sum of an array over the workers, each counted once; the same bits on every worker."""
    return values
