"""The learning rate as a function of the step, evaluated in the graph."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="tfvae")
class WarmupDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Learning rate with a linear warm-up to its peak, then constant or with a linear or cosine decay to zero.

    Args:
      peak: highest learning rate.
      warmup_steps: length of the warm-up; 0: none.
      total_steps: the step at which the decay ends.
      shape: constant, linear or cosine.
      first_step: the step at which the warm-up begins.

    Source: Loshchilov and Hutter, SGDR, arXiv:1608.03983, equation 5 (one period of it).
    """

    def __init__(self, peak: float, warmup_steps: int, total_steps: int, shape: str, first_step: int = 0) -> None:
        self.peak, self.warmup_steps, self.total_steps, self.shape = peak, warmup_steps, total_steps, shape
        self.first_step = first_step

    def __call__(self, step: Any) -> tf.Tensor:
        step = tf.cast(step - self.first_step, tf.float32)
        fall = tf.clip_by_value((step - self.warmup_steps) / max(1, self.total_steps - self.warmup_steps), 0.0, 1.0)
        factors = {"constant": tf.ones([]), "linear": 1.0 - fall, "cosine": 0.5 + 0.5 * tf.cos(math.pi * fall)}
        rise = tf.minimum((step + 1.0) / self.warmup_steps, 1.0) if self.warmup_steps else 1.0
        return self.peak * rise * factors[self.shape]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "peak": self.peak,
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
            "shape": self.shape,
            "first_step": self.first_step,
        }
