"""Small untrained models, and the evidence for comparing their files."""

from __future__ import annotations

import functools
from collections.abc import Callable

import keras
import numpy as np
import pytest

from tfvae import VAE, CorrelatedNormal, likelihoods, networks, noise
from tfvae.config.network import Mlp
from tfvae.data.scaling import Scaling
from tfvae.export.proof import Evidence

SHAPE = (6, 5, 1)
N = 40


@pytest.fixture(scope="session")
def judged() -> Callable[..., Evidence]:
    """`judged(likelihood, scaling=…)`: evidence on a dense model with a correlated prior; once for each likelihood."""

    @functools.cache
    def evidence(likelihood: likelihoods.Likelihood, scaling: Scaling | None = None) -> Evidence:
        keras.utils.set_random_seed(0)
        encoder, decoder = networks.build(Mlp(hidden=(16,), latent_dim=3), SHAPE, likelihood.parameters)
        prior = CorrelatedNormal(3, [0.1, 0.2, 0.0], [[1.0, 0.4, 0.0], [0.4, 1.0, 0.0], [0.0, 0.0, 2.0]])
        vae = VAE(encoder, decoder, prior, likelihood, scaling=scaling)
        x = np.random.default_rng(0).random((N, *SHAPE)).astype("float32")
        # An odd number of prior latents, and a seed beyond 32 bits.
        drawn = prior.sample(noise.Address(5, noise.PRIOR), N + 1).numpy()
        seed = (5 << 33) + 3
        return Evidence(vae, x, drawn, vae.predict(x, seed=seed)["z"], seed)

    return evidence
