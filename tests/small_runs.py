"""A data set and a model so small that whole runs take a second."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae import config as configuration
from tfvae.data import scaling
from tfvae.data.splits import DataSet, Split
from tfvae.engine.loop import Loop
from tfvae.engine.outputs import Outputs
from tfvae.runs import experiment

SETTINGS = [
    "network.hidden=[8]",
    "network.latent_dim=2",
    "training.epochs=3",
    "training.batch_size=16",
    "training.learning_rate=0.01",
    "training.jit=off",
    "training.steps_per_call=4",
]


# A trained correlated prior, dynamic binarisation, a warm-up and clipping: all that could go apart.
DEMANDING = [
    "data.binarize=dynamic",
    "prior.covariance=[[1.0, 0.4], [0.4, 1.0]]",
    "prior.trainable=true",
    "objective.kl_schedule=linear",
    "objective.kl_warmup=2",
    "training.clip_norm=5",
]


@pytest.fixture(scope="session")
def settings():
    """The small configuration, with changes such as "training.epochs=3"."""

    def make(*changes):
        # One after the other, as a preset and `--set`: another network has other settings.
        return configuration.override(configuration.override(configuration.Config(), SETTINGS), list(changes))

    return make


@pytest.fixture(scope="session")
def demanding(settings):
    """The small configuration with everything switched on that replicas or a restart could disagree in."""
    return lambda *changes: settings(*DEMANDING, *changes)


@pytest.fixture(scope="session")
def data_set():
    """Grey 4x4 images around three patterns: a data set of uint8, with splits of the sizes asked for."""

    def make(train=100, validation=20, test=20, seed=0, binarize="none", seed_of_run=0):
        patterns = np.random.default_rng(7).integers(0, 256, [3, 4, 4, 1])

        def split(n, seed):
            rng = np.random.default_rng(seed)
            y = rng.integers(0, 3, n)
            return Split(np.clip(patterns[y] + rng.normal(0, 20, [n, 4, 4, 1]), 0, 255).astype(np.uint8), y)

        parts = [split(n, 3 * seed + i) for i, n in enumerate((train, validation, test))]
        return DataSet("toy", *parts, scaling.fit("unit", parts[0].x), (4, 4, 1), binarize=binarize, seed=seed_of_run)

    return make


@pytest.fixture(scope="session")
def model_for():
    """The model of a configuration, with weights of a seed, under the precision of the configuration."""

    def make(config, data, strategy=None, weights=0):
        keras.config.set_dtype_policy(config.training.precision)
        keras.utils.set_random_seed(weights)
        with (strategy or tf.distribute.get_strategy()).scope():
            return experiment.build(config, data)

    return make


@pytest.fixture(scope="session")
def loop_for(model_for):
    """A loop and its model."""

    def make(config, data, strategy=None, weights=0, **arguments):
        strategy = strategy or tf.distribute.get_strategy()
        model = model_for(config, data, strategy, weights)
        return Loop(model, data, config, strategy, Outputs(**arguments)), model

    return make


@pytest.fixture(scope="session")
def two_replicas():
    """Two logical CPUs that work together: one strategy for all, since two number their reductions alike and clash."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture
def mirrored(monkeypatch, two_replicas):
    """`--strategy mirrored --replicas 2` in this process: the one strategy of all its tests."""
    monkeypatch.setattr("tfvae.engine.strategy._mirrored", lambda replicas: two_replicas)
