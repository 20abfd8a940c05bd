"""`tfvae.engine.strategy`: available replicas, and when XLA is used."""

from __future__ import annotations

import pytest

from tfvae.engine import strategy
from tfvae.errors import UserError


def test_one_replica_by_default(settings):
    assert strategy.from_settings(settings().training).num_replicas_in_sync == 1


def test_logical_cpus(settings):
    training = settings("training.strategy=mirrored", "training.replicas=2").training
    assert strategy.from_settings(training).num_replicas_in_sync == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["training.replicas=2"], "--replicas 2: needs --strategy mirrored"),
        (["training.strategy=multiworker", "training.replicas=2"], "--replicas 2: needs --strategy mirrored"),
        (["training.strategy=multiworker"], "neither TF_CONFIG nor SLURM names the workers"),
        (["training.strategy=mirrored", "training.replicas=9"], "TensorFlow has already started with 2 CPU"),
        (
            ["training.strategy=mirrored", "training.replicas=2", "training.batch_size=15"],
            "training.batch_size: got 15, expected a multiple of the 2 replicas",
        ),
    ],
)
def test_what_cannot_be_is_refused(settings, monkeypatch, changes, said):
    for name in ("TF_CONFIG", "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match=said):
        strategy.from_settings(settings(*changes).training)


def test_jit(settings, model_for, data_set):
    dense = model_for(settings(), data_set())
    convolutional = model_for(settings("network.name=conv", "network.filters=[2]"), _images(data_set))
    automatic = settings("training.jit=auto").training
    import tensorflow as tf

    gpu = bool(tf.config.list_logical_devices("GPU"))
    assert strategy.use_jit(automatic, dense) is True
    assert strategy.use_jit(automatic, convolutional) is gpu
    assert strategy.use_jit(settings("training.jit=on").training, convolutional) is True
    assert strategy.use_jit(settings("training.jit=off").training, dense) is False


def _images(data_set):
    import dataclasses

    import numpy as np

    from tfvae.data.splits import Split

    x = np.zeros([20, 8, 8, 1], np.uint8)
    return dataclasses.replace(data_set(), train=Split(x), validation=Split(x), test=Split(x), shape=(8, 8, 1))
