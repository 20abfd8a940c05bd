"""`encoder.keras` and `decoder.keras`: float32 copies that load in a process that never imported tfvae."""

from __future__ import annotations

from typing import Any

import keras

from tfvae.models.vae import VAE
from tfvae.run import Run, write


def to_float32(model: keras.Model) -> keras.Model:
    """A copy of a functional model, or of a `VAE` with all its parts, under a float32 policy, whatever trained it.

    Models of mixed precision do not convert to TFLite, and their outputs depend on the machine.
    """
    copy = type(model).from_config(_with_float32(model.get_config()))
    copy.set_weights(model.get_weights())
    return copy


def save(vae: VAE, run: Run) -> None:
    """Writes `model.keras`, `encoder.keras`, `decoder.keras` and `scaling.json` into the run folder."""
    # Prior and likelihood too: of float64 they would not go with networks of float32.
    copy = to_float32(vae)
    write(run.folder / "encoder.keras", copy.encoder.save)
    write(run.folder / "decoder.keras", copy.decoder.save)
    run.write_json("scaling.json", vae.scaling.to_dict())
    # Last: a run whose model is there has ended.
    write(run.model, copy.save)


def _with_float32(config: Any) -> Any:
    """The configuration with every dtype or dtype policy in it made float32."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return {**config, "config": {"name": "float32"}}
        return {key: "float32" if _is_dtype(key, item) else _with_float32(item) for key, item in config.items()}
    if isinstance(config, (list, tuple)):
        return type(config)(_with_float32(item) for item in config)
    return config


def _is_dtype(key: str, value: Any) -> bool:
    return key == "dtype" and value in ("float16", "bfloat16", "float64")
