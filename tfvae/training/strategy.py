"""How replicas work together, and which devices there are."""

from __future__ import annotations

import contextlib

import tensorflow as tf

from tfvae.config import Training
from tfvae.errors import UserError


def from_settings(settings: Training) -> tf.distribute.Strategy:
    """The strategy of the settings; call it before anything else uses TensorFlow's devices.

    Raises:
      UserError: replicas that there are no devices for, or a batch that they cannot share.
    """
    if settings.strategy == "default":
        if settings.replicas > 1:
            raise UserError(f"--replicas {settings.replicas}: wants --strategy mirrored.")
        return tf.distribute.get_strategy()
    gpus = tf.config.list_logical_devices("GPU") if settings.replicas == 0 else []
    strategy = tf.distribute.MirroredStrategy(
        [device.name for device in gpus] or _logical_cpus(max(settings.replicas, 1))
    )
    if settings.batch_size % strategy.num_replicas_in_sync:
        raise UserError(
            f"training.batch_size: got {settings.batch_size}, want a multiple of the "
            f"{strategy.num_replicas_in_sync} replicas."
        )
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
    if tf.config.list_logical_devices("GPU"):
        return True
    return not any("Conv" in type(layer).__name__ for layer in model._flatten_layers())
