"""float32 copies of networks and models that were trained in any precision."""

from __future__ import annotations

from typing import Any

import keras


def to_float32(model: keras.Model) -> keras.Model:
    """A copy of a functional model, or of a `VAE` with all its parts, under a float32 policy.

    Models of mixed precision do not convert to TFLite, and their outputs depend on the machine.
    """
    copy = type(model).from_config(_with_float32(model.get_config()))
    copy.set_weights(model.get_weights())
    if hasattr(model, "facts"):
        copy.set_facts(model.facts())
    return copy


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
