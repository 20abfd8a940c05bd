"""What an objective takes and gives: plain tuples."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf


class Schedule(NamedTuple):
    """Values of the schedules at one step, scalars evaluated in the graph.

    Attributes:
      kl_weight: weight of the KL.
      capacity: C in nats; used only where the objective has a capacity.
    """

    kl_weight: tf.Tensor | float = 1.0
    capacity: tf.Tensor | float = 0.0


class Loss(NamedTuple):
    """What is minimised, and what to report, for each example.

    Attributes:
      total: `[batch]`, nats; the step averages it over the global batch.
      terms: name to `[batch]` or `[batch, n]`, averaged likewise.
    """

    total: tf.Tensor
    terms: dict[str, tf.Tensor]
