"""What a run says about itself before it begins: its header, and the facts in `config.yaml` and `report.json`."""

from __future__ import annotations

import platform
from typing import Any

import keras
import tensorflow as tf

import tfvae
from tfvae import noise
from tfvae.config import Config
from tfvae.data.condition import Condition
from tfvae.data.splits import DataSet
from tfvae.engine import strategy as strategies
from tfvae.runs import identity


def lines(config: Config, data: DataSet, model: Any, replicas: int, latent: str) -> list[str]:
    """The header: sentences about data, model and engine.

    Args:
      config: all settings.
      data: as loaded.
      model: as built.
      replicas: number of replicas.
      latent: the implementation of the latent op, and why.
    """
    training = config.training
    counts = f"{len(data.train):,} train, {len(data.validation):,} validation, {len(data.test):,} test"
    said = [f"data: {data.name} {list(data.shape)}, {counts}; scaling {data.scaling.kind}.", *data.notes]
    said.append(
        f"model: {config.network.name}, {model.count_params():,} parameters, {_latent(model)}, "
        f"{type(model.prior).__name__} prior, {type(model.likelihood).__name__} likelihood{_given(data.condition)}."
    )
    if note := config.likelihood.note:
        said.append(f"likelihood: {note}")
    if training.precision.startswith("mixed") and not tf.config.list_physical_devices("GPU"):
        said.append(f"precision: {training.precision} is faster on a GPU only; on this CPU float32 is faster.")
    jit = "on" if strategies.use_jit(training, model) else "off"
    said.append(
        f"engine: TensorFlow {tf.__version__} on {', '.join(_devices())}, {training.strategy} strategy with "
        f"{replicas} replica(s), {training.precision}, XLA {jit}, latent op {latent}, seed {config.seed}."
    )
    return said


def facts(data: DataSet, latent: str) -> dict[str, Any]:
    """What is recorded about a run besides its settings."""
    versions = {
        "tfvae": tfvae.__version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "python": platform.python_version(),
    }
    return {
        "noise_version": noise.NOISE_VERSION,
        "versions": versions,
        "latent": {"implementation": latent, "devices": _devices()},
        "examples": identity.examples(data),
        "fingerprint": dict(data.fingerprint),
    }


def _latent(model: Any) -> str:
    shape = model.latent_shape
    return f"D = {shape[0]}" if len(shape) == 1 else f"z {list(shape)}"


def _given(condition: Condition | None) -> str:
    if condition is None:
        return ""
    names = ", ".join(condition.names[:8]) + (", …" if len(condition.names) > 8 else "")
    return f"; conditioned on {'the label' if condition.kind == 'label' else condition.kind} ({names})"


def _devices() -> list[str]:
    gpus = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
    return [gpu.get("device_name", "GPU") for gpu in gpus] or [f"CPU {platform.machine()}"]
