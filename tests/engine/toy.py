"""A model with two objectives, outside the library's families: the engine must accept any model of this form."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from tfvae.data.scaling import Scaling
from tfvae.data.splits import DataSet, Split
from tfvae.models.base import LatentModel
from tfvae.models.terms import Term
from tfvae.objectives.groups import over_groups
from tfvae.objectives.loss import Loss, Objective

SIZE = 3


class Duo(LatentModel):
    """A point that moves to the data, and a critic that learns a slope from the point; a running mean is absorbed.

    Args:
      begins: the critic's first step.
      planted: (objective, step): an infinity in the gradient of that objective at that step.
      group: of a penalty on the variance of the critic's output over a group; None: there is no penalty.
      judged: the term by which it is judged.
    """

    def __init__(self, begins=0, planted=None, group=None, judged="loss"):
        super().__init__(name="duo")
        self.point = keras.layers.Dense(SIZE, use_bias=False, kernel_initializer="ones", name="point")
        self.critic = keras.layers.Dense(1, kernel_initializer="ones", name="critic")
        self.point.build([None, 1])
        self.critic.build([None, SIZE])
        self.mean = self.add_weight(
            shape=[SIZE],
            initializer="zeros",
            trainable=False,
            dtype=keras.config.dtype_policy().variable_dtype,
            aggregation="only_first_replica",
            name="mean",
        )
        self.begins, self.planted, self.group, self.judged_by = begins, planted, group, judged
        self.built = True

    @property
    def terms(self):
        return {"closeness": Term("closeness", better="higher"), "loss": Term("loss", better="lower")}

    def objectives(self):
        mean, critic = self.mean, self.critic.trainable_variables
        return [
            Objective("point", self.point.trainable_variables, self._point_loss),
            Objective(
                "critic",
                critic,
                self._critic_loss,
                main=False,
                state=[mean],
                absorb=lambda sums: mean.assign(0.5 * mean.value + 0.5 * sums["x"] / sums["count"]),
                begins=self.begins,
            ),
        ]

    def _through(self, name, total, address):
        """The loss, with the planted gradient."""
        if self.planted is None or self.planted[0] != name:
            return total
        there = tf.fill(tf.shape(total), tf.equal(address.step, self.planted[1]))

        @tf.custom_gradient
        def through(x):
            return x, lambda upstream: tf.where(there, np.inf * tf.ones_like(upstream), upstream)

        return through(total)

    def _point(self, batch):
        return tf.cast(self.point(tf.ones([tf.shape(batch.x)[0], 1], batch.x.dtype)), batch.x.dtype)

    def _point_loss(self, batch, address, schedule, training):
        # It includes the critic's output: gradients must be computed at the weights from before the step.
        judged = tf.cast(self.critic(self._point(batch)), batch.x.dtype)[:, 0]
        square = tf.reduce_sum(tf.square(self._point(batch) - batch.x), axis=-1)
        return Loss(self._through("point", square + 0.1 * judged, address), {"closeness": -square})

    def _critic_loss(self, batch, address, schedule, training):
        output = tf.cast(self.critic(tf.concat([batch.x], 0)), batch.x.dtype)[:, 0]
        error = tf.square(output - tf.reduce_sum(self._point(batch) * batch.x, axis=-1))
        sums = {"x": tf.reduce_sum(batch.x, axis=0), "count": tf.cast(tf.shape(batch.x)[0], batch.x.dtype)}
        penalties = {}
        if self.group:
            penalties["variance"] = over_groups(_variance, output, batch.weight, self.group, factor=0.25)
        total = self._through("critic", error, address)
        return Loss(total, {"output": output}, sums, penalties)


def _variance(values, weight):
    count = tf.reduce_sum(weight, axis=1)
    mean = tf.reduce_sum(weight * values, axis=1) / count
    return tf.reduce_sum(weight * tf.square(values - mean[:, None]), axis=1) / (count - 1)


def data_set(train=48, validation=10):
    """Multiples of 1/64 around 2, in model units.

    Their sums are exact in any order: if the critic's error is zero, so is its gradient. A rounding error in its place
    would be made as large as any gradient by Adam.
    """
    rng = np.random.default_rng(4)
    values = [np.rint(64 * rng.normal(2.0, 1.0, [n, SIZE])) / 64 for n in (train, validation, 4)]
    splits = [Split(x.astype(np.float32)) for x in values]
    return DataSet("toy", *splits, Scaling.identity(), (SIZE,))
