"""`fit` and `compile` of a model with two objectives."""

from __future__ import annotations

import keras
import pytest
import tensorflow as tf

import tfvae
from tests.habits.conftest import FLOATS, SHAPE, fit
from tfvae import networks
from tfvae.config.network import Mlp
from tfvae.objectives.loss import Loss, Objective

OWN = {"optimizers": {"probe": {"learning_rate": 1e-2}}}


@keras.saving.register_keras_serializable(package="tests.habits")
class Probed(tfvae.VAE):
    """A VAE with a probe that learns the mean of x from its code."""

    parts = (*tfvae.VAE.parts, "probe")

    def __init__(self, *arguments, probe=None, **options):
        super().__init__(*arguments, **options)
        self.probe = probe or keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])

    def objectives(self):
        return [*super().objectives(), Objective("probe", self.probe.trainable_variables, self.error, main=False)]

    def error(self, batch, address, schedule, training):
        code = tf.stop_gradient(self.posterior.point(self.encoded(batch.x)))
        return Loss(tf.square(self.probe(code)[:, 0] - tf.reduce_mean(batch.x, [1, 2, 3])), {})


def build():
    keras.utils.set_random_seed(0)
    return Probed(*networks.build(Mlp(hidden=(8,), latent_dim=2), SHAPE))


def test_both_go_on_and_are_saved(tmp_path):
    vae, whole = build(), build()
    losses = [fit(vae, FLOATS, epochs=1, **OWN).history["probe/loss"][0] for _ in range(2)]
    vae.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    losses += fit(again, FLOATS, epochs=1, **OWN).history["probe/loss"]
    assert losses == fit(whole, FLOATS, epochs=3, **OWN).history["probe/loss"]
    assert losses[2] < losses[0]
    assert float(again.optimizers["probe"].learning_rate) == pytest.approx(1e-2)


def test_an_optimizer_for_each():
    vae = build()
    vae.compile({"vae": "adam", "probe": "sgd"})
    fit(vae, FLOATS, epochs=1)
    assert isinstance(vae.optimizers["probe"], keras.optimizers.SGD)
    assert int(vae.optimizers["probe"].iterations.numpy()) == 6
