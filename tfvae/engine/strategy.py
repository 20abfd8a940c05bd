"""The distribution strategy and its devices, and the choice of XLA compilation."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import threading

import tensorflow as tf

from tfvae.config import Training
from tfvae.engine.cluster import environment as cluster
from tfvae.engine.cluster import rendezvous
from tfvae.engine.plan import check_shares
from tfvae.errors import UserError

# Limit for TensorFlow to connect workers that have just met; without it TensorFlow would wait forever.
_CONNECT_SECONDS = 120


def from_settings(settings: Training) -> tf.distribute.Strategy:
    """The strategy of the settings; call it before anything else uses TensorFlow's devices.

    Raises:
      UserError: there are too few devices for the replicas, or a batch does not divide evenly among them.
    """
    if settings.strategy != "mirrored" and settings.replicas > 1:
        raise UserError(f"--replicas {settings.replicas}: needs --strategy mirrored.")
    if settings.strategy == "default":
        strategy = tf.distribute.get_strategy()
    else:
        strategy = _mirrored(settings.replicas) if settings.strategy == "mirrored" else _multiworker()
    check_shares(settings, strategy.num_replicas_in_sync)
    return strategy


def _mirrored(replicas: int) -> tf.distribute.Strategy:
    gpus = tf.config.list_logical_devices("GPU") if replicas == 0 else []
    return tf.distribute.MirroredStrategy([device.name for device in gpus] or _logical_cpus(max(replicas, 1)))


def _multiworker() -> tf.distribute.Strategy:
    ours = cluster.from_environment(os.environ)
    rendezvous.meet(ours)
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(ours.workers)}),
        task_type="worker",
        task_id=ours.index,
        rpc_layer="grpc",
        num_accelerators={"GPU": len(tf.config.list_physical_devices("GPU"))},
    )
    # TensorFlow holds the GIL while it connects, so no Python code could end the wait.
    faulthandler.dump_traceback_later(_CONNECT_SECONDS, exit=True)
    cluster.joined = True
    try:
        strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver)
    finally:
        faulthandler.cancel_dump_traceback_later()
    if threading.current_thread() is threading.main_thread():
        # TensorFlow has installed its own handler, which ignores the signal.
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))
    return strategy


def _logical_cpus(count: int) -> list[str]:
    cpu = tf.config.list_physical_devices("CPU")[0]
    with contextlib.suppress(RuntimeError, ValueError):  # TensorFlow has started; its devices may be enough
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
    devices = tf.config.list_logical_devices("CPU")
    if len(devices) < count:
        raise UserError(
            f"--replicas {count}: TensorFlow has already started with {len(devices)} CPU device(s); create the "
            "strategy before using TensorFlow."
        )
    return [device.name for device in devices[:count]]


def use_jit(settings: Training, model: tf.Module) -> bool:
    """Whether the gradient is compiled by XLA.

    On a CPU XLA makes dense networks faster and convolutions slower, so `auto` checks for convolutions.
    """
    if settings.jit != "auto":
        return settings.jit == "on"
    return bool(tf.config.list_logical_devices("GPU")) or not _convolutional(model)


def use_jit_loop(settings: Training, model: tf.Module) -> bool:
    """Whether the loop over the steps of a call is compiled too.

    Not on a GPU, where it has not been measured; not with convolutions, which XLA runs on one thread inside a loop.
    """
    gpu = bool(tf.config.list_logical_devices("GPU"))
    return use_jit(settings, model) and not gpu and not _convolutional(model)


def _convolutional(model: tf.Module) -> bool:
    return any("Conv" in type(layer).__name__ for layer in model._flatten_layers())
