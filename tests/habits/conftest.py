"""A VAE and examples so small that a call of `fit` takes a second."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfvae import VAE, networks
from tfvae.config.network import Mlp

SHAPE = (4, 4, 1)
X = np.random.default_rng(0).integers(0, 256, [96, *SHAPE]).astype(np.uint8)
FLOATS = (X / 255).astype(np.float32)


def build(**arguments) -> VAE:
    keras.utils.set_random_seed(0)
    return VAE(*networks.build(Mlp(hidden=(8,), latent_dim=2), SHAPE), **arguments)


def fit(vae, *arguments, **options):
    return vae.fit(*arguments, **{"batch_size": 16, "verbose": 0, "jit": "off", **options})


@pytest.fixture
def vae() -> VAE:
    """Compiled as in Keras."""
    model = build()
    model.compile(optimizer=keras.optimizers.Adam(1e-2))
    return model
