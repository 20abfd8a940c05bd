"""How replicas work together, and which devices there are."""

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

# For TensorFlow to connect workers that have just met; it would wait for ever.
_CONNECT_SECONDS = 120


def from_settings(settings: Training) -> tf.distribute.Strategy:
    """The strategy of the settings; call it before anything else uses TensorFlow's devices.

    Raises:
      UserError: replicas that there are no devices for, or a batch that they cannot share.
    """
    if settings.strategy != "mirrored" and settings.replicas > 1:
        raise UserError(f"--replicas {settings.replicas}: want --strategy mirrored with it.")
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
    # It holds Python's lock while it connects, so that no Python code could end a wait.
    faulthandler.dump_traceback_later(_CONNECT_SECONDS, exit=True)
    cluster.joined = True
    try:
        strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver)
    finally:
        faulthandler.cancel_dump_traceback_later()
    if threading.current_thread() is threading.main_thread():
        # TensorFlow has put a handler of its own there, which swallows the signal.
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))
    return strategy


def _logical_cpus(count: int) -> list[str]:
    cpu = tf.config.list_physical_devices("CPU")[0]
    with contextlib.suppress(RuntimeError, ValueError):  # TensorFlow has started; the devices that it has may do
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
    there = tf.config.list_logical_devices("CPU")
    if len(there) < count:
        raise UserError(
            f"--replicas {count}: TensorFlow has started with {len(there)} CPU device(s); ask for replicas first."
        )
    return [device.name for device in there[:count]]


def use_jit(settings: Training, model: tf.Module) -> bool:
    """Whether the gradient is compiled by XLA.

    On a CPU XLA makes dense networks faster and convolutions slower, so `auto` asks for the latter.
    """
    if settings.jit != "auto":
        return settings.jit == "on"
    return bool(tf.config.list_logical_devices("GPU")) or not _convolutional(model)


def use_jit_loop(settings: Training, model: tf.Module) -> bool:
    """Whether the loop over the steps of a call is compiled too.

    Not on a GPU, where nobody has measured it, nor around convolutions, which in a loop XLA runs on one thread.
    """
    gpu = bool(tf.config.list_logical_devices("GPU"))
    return use_jit(settings, model) and not gpu and not _convolutional(model)


def _convolutional(model: tf.Module) -> bool:
    return any("Conv" in type(layer).__name__ for layer in model._flatten_layers())
