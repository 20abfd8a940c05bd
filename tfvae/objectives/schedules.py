"""Schedules of an objective: functions of the step, in the graph, so that a changing weight never retraces."""

from __future__ import annotations

import math

import tensorflow as tf

from tfvae.config import Objective


def kl_weight(step: tf.Tensor, objective: Objective, steps_per_epoch: int) -> tf.Tensor:
    """Weight of the KL at a step, float32 scalar in [0, kl_weight].

    With t = step / (steps of the warm-up): linear min(t, 1); sigmoid, the logistic curve through 1/2 at t = 1/2,
    stretched to begin at 0 and end at 1; cyclical, in each cycle a linear rise over the first half, then 1.

    Args:
      step: number of completed steps, int64 scalar.
      objective: weight, kind and length in epochs.
      steps_per_epoch: number of steps in an epoch.

    Source: Bowman et al., arXiv:1511.06349 (sigmoid); Fu et al., arXiv:1903.10145, equation 6 (cyclical, R = 1/2).
    """
    t = tf.cast(step, tf.float32) / (objective.kl_warmup * steps_per_epoch)
    within = tf.clip_by_value(t, 0.0, 1.0)
    if objective.kl_schedule == "linear":
        factor = within
    elif objective.kl_schedule == "sigmoid":
        edge = 1 / (1 + math.exp(6))
        # Clipped, because XLA's sigmoid of -6 is a few ulps lower than this edge.
        factor = tf.clip_by_value((tf.sigmoid(12.0 * within - 6.0) - edge) / (1 - 2 * edge), 0.0, 1.0)
    elif objective.kl_schedule == "cyclical":
        phase = t * objective.kl_cycles
        factor = tf.where(t < 1.0, tf.minimum(2.0 * (phase - tf.floor(phase)), 1.0), 1.0)
    else:
        factor = tf.ones([])
    return objective.kl_weight * factor


def capacity(step: tf.Tensor, objective: Objective, steps_per_epoch: int) -> tf.Tensor:
    """C(t) in nats at a step: from 0 to the capacity, linearly (Burgess et al., arXiv:1804.03599, section 5)."""
    t = tf.cast(step, tf.float32) / (objective.capacity_warmup * steps_per_epoch)
    return (objective.capacity or 0.0) * tf.clip_by_value(t, 0.0, 1.0)
