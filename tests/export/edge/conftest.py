"""Exported versions for the runners: a grey one with bytes and a standard prior, a table with a correlated prior."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae import VAE, CorrelatedNormal, Gaussian, networks
from tfvae.config.network import Mlp
from tfvae.data import scaling
from tfvae.export import description, tflite
from tfvae.export.origin import Origin
from tfvae.export.subject import Subject
from tfvae.models.signatures import DECODER


@dataclass(frozen=True, eq=False)
class Version:
    """Files of a model, and the model."""

    folder: Path
    vae: VAE

    def description(self) -> dict[str, Any]:
        """The content of decoder.json."""
        return json.loads((self.folder / "decoder.json").read_text())


def grey() -> VAE:
    encoder, decoder = networks.build(Mlp(hidden=(16,), latent_dim=3), (4, 5, 1), ("logits",))
    return VAE(encoder, decoder, scaling=scaling.fit("unit", np.array([[0], [255]], np.uint8)))


def table() -> VAE:
    encoder, decoder = networks.build(Mlp(hidden=(16,), latent_dim=3), (5,), ("mean",))
    prior = CorrelatedNormal(3, [0.1, -0.2, 0.3], [[1.0, 0.4, 0.1], [0.4, 2.0, 0.2], [0.1, 0.2, 0.7]])
    columns = scaling.fit("z-score", np.random.default_rng(0).normal(50.0, [1, 2, 3, 4, 5], (99, 5)))
    return VAE(encoder, decoder, prior, Gaussian(scale=0.3), scaling=columns)


MODELS = {"grey": grey, "table": table}


@pytest.fixture(scope="session")
def versions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Version]:
    """By name of the model: decoder.tflite in batches of 4 and 2, decoder_int8.tflite of 4, scorer.tflite of 3."""
    pytest.importorskip("ai_edge_litert", reason="the extra [edge] is not installed")
    return {name: _version(tmp_path_factory.mktemp(name), model()) for name, model in MODELS.items()}


def _version(folder: Path, vae: VAE) -> Version:
    # The decoder's last bias would be zero: a runner that omits it would not be detected.
    keras.utils.set_random_seed(1)
    vae.set_weights([w + np.random.default_rng(i).normal(0, 0.2, w.shape) for i, w in enumerate(vae.get_weights())])
    files = {
        "decoder.tflite": tflite.decoder(vae, [4, 2]),
        "decoder_int8.tflite": _int8(vae),
        "scorer.tflite": tflite.scorer(vae, [3]),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    nothing = np.zeros((0, *vae.event_shape), np.float32)
    described = description.of(Subject(Origin("run"), vae, nothing, nothing))
    entries = {name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for name, data in files.items()}
    (folder / "decoder.json").write_text(json.dumps({**described, "version": 1, "files": entries}))
    return Version(folder, vae)


def _int8(vae: VAE) -> bytes:
    """A decoder whose input and output are int8, for integer accelerators."""

    def calibration() -> Iterator[tuple[str, dict[str, np.ndarray]]]:
        random = np.random.default_rng(0)
        for _ in range(50):
            yield "decode", {"z": random.normal(0, 1.5, (4, 3)).astype(np.float32)}

    def configure(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = calibration
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8

    return tflite.convert(vae, tflite.endpoints(vae, DECODER, [4]), configure)
