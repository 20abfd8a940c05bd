"""Small models of the kinds that the library has no networks for yet: conditional, spatial, with other priors."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import VAE
from tfvae.config.network import Mlp
from tfvae.data import scaling
from tfvae.data.condition import Condition
from tfvae.export import description
from tfvae.export.origin import Origin
from tfvae.export.subject import Subject
from tfvae.latent.density import Density, DiagonalDensity, standard_log_prob
from tfvae.latent.priors import CorrelatedNormal, Prior

SHAPE, LATENT = (4, 5, 1), 3
CONDITION = Condition("label", ("cat", "dog", "owl"), (0.5, 0.3, 0.2))
BYTES = scaling.fit("unit", np.array([[0], [255]], np.uint8))


@keras.saving.register_keras_serializable(package="tests")
class ConditionalGaussian(Prior):
    """p(z|y) = N(y A, diag(exp(y B)))."""

    def __init__(self, latent_dim: int, condition_size: int, **kwargs: Any) -> None:
        super().__init__(latent_dim, **kwargs)
        self.condition_size = condition_size
        draw = keras.initializers.RandomNormal(stddev=0.5, seed=3)
        self.a, self.b = (
            self.add_weight(shape=(condition_size, latent_dim), initializer=draw, name=name) for name in "ab"
        )

    def bind(self, encode: Any, y: Any) -> Density:
        y = tf.convert_to_tensor(y)
        return DiagonalDensity(tf.matmul(y, self.a), tf.matmul(y, self.b))

    def from_noise(self, eps: Any, y: Any = None) -> tf.Tensor:
        return self.bind(None, y).from_noise(eps)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "condition_size": self.condition_size}


@keras.saving.register_keras_serializable(package="tests")
class Bent(Prior):
    """Not Gaussian: z_0 = eps_0, z_i = eps_i + z_0^2 / 2."""

    def from_noise(self, eps: Any, y: Any = None) -> tf.Tensor:
        first = eps[:, :1]
        return tf.concat([first, eps[:, 1:] + 0.5 * tf.square(first)], axis=1)

    def log_prob(self, z: Any, per_dimension: bool = False) -> tf.Tensor:
        first = z[..., :1]
        return standard_log_prob(tf.concat([first, z[..., 1:] - 0.5 * tf.square(first)], axis=-1), 1, per_dimension)


def conditional(prior: Prior | None = None) -> VAE:
    """Encoder and decoder of two inputs, with weights large enough to affect every output."""
    keras.utils.set_random_seed(0)
    x, y = keras.Input(SHAPE, name="x"), keras.Input((CONDITION.size,), name="y")
    hidden = keras.layers.Concatenate()([keras.layers.Flatten()(x), y])
    hidden = keras.layers.Dense(16, activation="relu")(hidden)
    heads = {name: keras.layers.Dense(LATENT, name=name)(hidden) for name in ("z_mean", "z_log_var")}
    z, y_ = keras.Input((LATENT,), name="z"), keras.Input((CONDITION.size,), name="y")
    hidden = keras.layers.Dense(16, activation="relu")(keras.layers.Concatenate()([z, y_]))
    logits = keras.layers.Reshape(SHAPE, name="logits")(keras.layers.Dense(math.prod(SHAPE))(hidden))
    encoder = keras.Model([x, y], heads, name="encoder")
    decoder = keras.Model([z, y_], {"logits": logits}, name="decoder")
    return _shaken(VAE(encoder, decoder, prior, scaling=BYTES, condition=CONDITION))


def unconditional(prior: Prior) -> VAE:
    """A dense network under a prior of LATENT dimensions."""
    from tfvae import networks

    encoder, decoder = networks.build(Mlp(hidden=(16,), latent_dim=LATENT), SHAPE)
    return _shaken(VAE(encoder, decoder, prior, scaling=BYTES))


def spatial() -> VAE:
    """Latents [2, 2, 3], correlated along the last axis."""
    keras.utils.set_random_seed(0)
    x = keras.Input((4, 4, 1), name="x")
    hidden = keras.layers.Conv2D(4, 3, 2, "same", activation="relu")(x)
    heads = {name: keras.layers.Conv2D(LATENT, 1, name=name)(hidden) for name in ("z_mean", "z_log_var")}
    z = keras.Input((2, 2, LATENT), name="z")
    hidden = keras.layers.UpSampling2D()(keras.layers.Conv2D(4, 3, padding="same", activation="relu")(z))
    decoder = keras.Model(z, {"logits": keras.layers.Conv2D(1, 3, padding="same")(hidden)}, name="decoder")
    covariance = [[1.0, 0.4, 0.1], [0.4, 2.0, 0.2], [0.1, 0.2, 0.7]]
    prior = CorrelatedNormal(LATENT, [0.1, -0.2, 0.3], covariance, grid=(2, 2))
    return _shaken(VAE(keras.Model(x, heads, name="encoder"), decoder, prior, scaling=BYTES))


def examples(vae: VAE, count: int) -> np.ndarray:
    """x in model units."""
    return np.random.default_rng(0).random((count, *vae.event_shape)).astype(np.float32)


def conditions(vae: VAE, count: int) -> np.ndarray | None:
    """y of the examples, one of them unlabelled."""
    if vae.condition is None:
        return None
    labels = np.random.default_rng(1).integers(0, CONDITION.size, count)
    labels[1] = -1
    return CONDITION.encode(labels, count)


def version(folder: Path, vae: VAE, files: dict[str, bytes]) -> Path:
    """A folder with decoder.json and files, for runners."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    nothing = np.zeros((0, *vae.event_shape), np.float32)
    described = description.of(Subject(Origin("run"), vae, nothing, nothing))
    entries = {name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for name, data in files.items()}
    (folder / "decoder.json").write_text(json.dumps({**described, "version": 1, "files": entries}))
    return folder


def _shaken(vae: VAE) -> VAE:
    # Initial biases are zero: a file that omits one would not be detected.
    for network in (vae.encoder, vae.decoder):
        weights = network.get_weights()
        network.set_weights([w + np.random.default_rng(i).normal(0, 0.2, w.shape) for i, w in enumerate(weights)])
    return vae
