"""Schedules: functions of the step, evaluated in the graph, so that a change of weight never retraces."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from tfvae.config import Objective
from tfvae.objectives.loss import Schedule


def kl_weight(step: tf.Tensor, objective: Objective, steps_per_epoch: int) -> tf.Tensor:
    """Weight of the KL at a step, float32 scalar in [0, kl_weight].

    With t = step / (steps of the warm-up): linear min(t, 1); sigmoid, the logistic curve through 1/2 at t = 1/2,
    stretched to begin at 0 and end at 1; cyclical, in each cycle a linear rise over the first half, then 1.

    Args:
      step: steps done before this one, int64 scalar.
      objective: weight, kind and length in epochs.
      steps_per_epoch: what an epoch is in steps.

    Source: Bowman et al., arXiv:1511.06349 (sigmoid); Fu et al., arXiv:1903.10145, equation 6 (cyclical, R = 1/2).
    """
    t = tf.cast(step, tf.float32) / (objective.kl_warmup * steps_per_epoch)
    within = tf.clip_by_value(t, 0.0, 1.0)
    if objective.kl_schedule == "linear":
        factor = within
    elif objective.kl_schedule == "sigmoid":
        edge = 1 / (1 + math.exp(6))
        # Clipped, because XLA's sigmoid of -6 is a few ulps below.
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


def at(step: tf.Tensor, objective: Objective, steps_per_epoch: int) -> Schedule:
    """All that an objective takes from the schedules at a step."""
    return Schedule(kl_weight(step, objective, steps_per_epoch), capacity(step, objective, steps_per_epoch))


@keras.saving.register_keras_serializable(package="tfvae")
class WarmupDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Learning rate that rises linearly to its peak, then stays, or falls to zero along a line or half a cosine.

    Args:
      peak: highest learning rate.
      warmup_steps: length of the rise; 0: none.
      total_steps: the step at which a fall ends.
      shape: constant, linear or cosine.

    Source: Loshchilov and Hutter, SGDR, arXiv:1608.03983, equation 5 (one period of it).
    """

    def __init__(self, peak: float, warmup_steps: int, total_steps: int, shape: str) -> None:
        self.peak, self.warmup_steps, self.total_steps, self.shape = peak, warmup_steps, total_steps, shape

    def __call__(self, step: Any) -> tf.Tensor:
        step = tf.cast(step, tf.float32)
        fall = tf.clip_by_value((step - self.warmup_steps) / max(1, self.total_steps - self.warmup_steps), 0.0, 1.0)
        factors = {"constant": tf.ones([]), "linear": 1.0 - fall, "cosine": 0.5 + 0.5 * tf.cos(math.pi * fall)}
        rise = tf.minimum((step + 1.0) / self.warmup_steps, 1.0) if self.warmup_steps else 1.0
        return self.peak * rise * factors[self.shape]

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
            "shape": self.shape,
        }
