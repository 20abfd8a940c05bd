"""`keras.Model.fit` on the same networks as tfvae, as Keras users write a VAE: a subclass with its own `train_step`."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from benchmarks.peers.child import EndOfRound, serve
from benchmarks.peers.problem import BATCH, LEARNING_RATE, SIDE, Problem
from benchmarks.peers.tfvae_loop import use_threads

_STEPS_PER_EXECUTION = 24


def train(problem: Problem, examples: np.ndarray, setting: str, end_of_round: EndOfRound) -> None:
    """Settings: `default`, or words: `several` steps per execution; `jit` or `nojit`; `tfdata`, cached."""
    import keras
    import tensorflow as tf

    from tfvae import networks
    from tfvae.config import Network, from_dict

    class Autoencoder(keras.Model):
        def __init__(self, encoder: keras.Model, decoder: keras.Model) -> None:
            super().__init__()
            self.encoder, self.decoder = encoder, decoder
            self.seeds = keras.random.SeedGenerator(0)
            self.trackers = [keras.metrics.Mean(name=name) for name in ("loss", "reconstruction", "kl")]

        @property
        def metrics(self) -> list[Any]:
            return self.trackers

        def train_step(self, x: Any) -> dict[str, Any]:
            with tf.GradientTape() as tape:
                mean, log_var = self.encoder(x, training=True)
                z = mean + tf.exp(0.5 * log_var) * keras.random.normal(tf.shape(mean), seed=self.seeds)
                entropy = tf.nn.sigmoid_cross_entropy_with_logits(x, self.decoder(z, training=True))
                missed = tf.reduce_mean(tf.reduce_sum(entropy, [1, 2, 3]))
                kl = tf.reduce_mean(0.5 * tf.reduce_sum(tf.square(mean) + tf.exp(log_var) - log_var - 1.0, 1))
                loss = missed + kl
            gradients = tape.gradient(loss, self.trainable_weights)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_weights))
            for tracker, value in zip(self.trackers, (loss, missed, kl)):
                tracker.update_state(value)
            return {tracker.name: tracker.result() for tracker in self.trackers}

    class Rounds(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            end_of_round(float(logs["loss"]))

    words = set(setting.split("-"))
    layers = {"filters" if problem.family == "conv" else "hidden": problem.widths}
    shape = (SIDE, SIDE, 1)
    settings = from_dict(Network, {"name": problem.family, "latent_dim": problem.latent, **layers})
    model = Autoencoder(*networks.build(settings, shape, ("logits",)))
    model.compile(
        keras.optimizers.Adam(LEARNING_RATE),
        jit_compile="jit" in words or ("auto" if "nojit" not in words else False),
        steps_per_execution=_STEPS_PER_EXECUTION if "several" in words else 1,
    )
    x = examples[..., None].astype(np.float32) / 255.0
    end_of_round()
    common = dict(epochs=10**6, verbose=0, callbacks=[Rounds()])
    if "tfdata" in words:
        cached = tf.data.Dataset.from_tensor_slices(x).cache().shuffle(len(x), seed=0)
        model.fit(cached.batch(BATCH, drop_remainder=True).prefetch(tf.data.AUTOTUNE), **common)
    else:
        model.fit(x, batch_size=BATCH, **common)


if __name__ == "__main__":
    sys.exit(serve(train, use_threads))
