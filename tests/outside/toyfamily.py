"""Families made outside tfvae, as a user's package would: tests train them by `model.name=toyfamily:Probed`."""

from __future__ import annotations

from typing import Any, ClassVar

import keras
import tensorflow as tf

from tfvae.models import VAE
from tfvae.models.terms import Term
from tfvae.objectives.groups import over_groups
from tfvae.objectives.loss import Loss, Objective


@keras.saving.register_keras_serializable(package="toyfamily")
class Probed(VAE):
    """A VAE, and a linear probe that learns to tell the mean of x from z: two objectives, which share no variable."""

    parts: ClassVar[tuple[str, ...]] = (*VAE.parts, "probe")

    def __init__(self, *parts: Any, probe: keras.Model | None = None, **settings: Any) -> None:
        super().__init__(*parts, **settings)
        if probe is None:
            z = keras.Input(self.latent_shape, name="z")
            probe = keras.Model(z, keras.layers.Dense(1, name="mean_of_x")(z), name="probe")
        self.probe = probe

    @property
    def terms(self) -> dict[str, Term]:
        return {**super().terms, "probe/loss": Term("probe", "squared model units", "lower", digits=4)}

    def objectives(self) -> list[Objective]:
        return [*super().objectives(), Objective("probe", self.probe.trainable_variables, self.probe_loss, main=False)]

    def probe_loss(self, batch: Any, address: Any, schedule: Any, training: bool = True) -> Loss:
        """Squared error of the probe, at noise of a level of its own."""
        address = address.level(1)._replace(first_example=batch.first_example)
        z = tf.stop_gradient(self.draw_posterior(batch.x, batch.y, address)[0].z[0])
        mean = tf.reduce_mean(tf.reshape(batch.x, [tf.shape(batch.x)[0], -1]), axis=1)
        error = tf.square(tf.cast(self.probe(z, training=training)[:, 0], mean.dtype) - mean)
        return Loss(error, {"error": error})


@keras.saving.register_keras_serializable(package="toyfamily")
class Centred(VAE):
    """A VAE whose codes are pulled to a mean of zero within each group: a statistic over the batch."""

    @property
    def group(self) -> int:
        return self.objective.group

    @property
    def terms(self) -> dict[str, Term]:
        return {**super().terms, "offset": Term("offset", "", "lower", digits=4)}

    def loss_terms(self, batch: Any, address: Any, schedule: Any, training: bool = True) -> Loss:
        loss = super().loss_terms(batch, address, schedule, training)
        penalty = over_groups(squared_mean, loss.terms["z_mean"], batch.weight, self.group)
        return loss._replace(penalties={"offset": penalty._replace(weight=3.0)})


def squared_mean(z: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """|mean of z over the real examples|^2 of each group, for z `[groups, group, D]` and weight `[groups, group]`."""
    weight = tf.cast(weight, z.dtype)[..., None]
    mean = tf.reduce_sum(weight * z, axis=1) / tf.maximum(tf.reduce_sum(weight, axis=1), 1.0)
    return tf.reduce_sum(tf.square(mean), axis=-1)
