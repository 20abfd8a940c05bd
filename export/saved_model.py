"""The SavedModel, for TensorFlow Serving and the C++ loaders; it needs neither tfvae nor its op library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import tensorflow as tf

from tfvae import noise
from tfvae.models.signatures import Outputs, Signature, Unit
from tfvae.models.vae import VAE

FOLDER = "saved_model"
_SEED, _COUNT = (tf.TensorSpec([], tf.int64, name=name) for name in ("seed", "n"))


def write(vae: VAE, folder: Path) -> None:
    """Writes the model's signatures with a dynamic batch; the first one is `serving_default` too.

    A signature with noise has an int64 input `seed` instead, and the number of examples `n` if no other input
    determines it; y may then be one row for all. Outputs in the user's units are computed in float64.

    Args:
      vae: under a float32 policy.
      folder: to create.
    """
    # Keras's archive, because a SavedModel of a tf.Module that holds a Keras model fails in session and C++ loaders.
    archive = keras.export.ExportArchive()
    for name in vae.parts:
        if isinstance(getattr(vae, name), keras.Model):
            archive.track(getattr(vae, name))
    for signature in vae.signatures():
        archive.add_endpoint(signature.name, _function(vae, signature), input_signature=inputs(signature))
    archive.write_out(str(folder), verbose=False)


def inputs(signature: Signature) -> list[tf.TensorSpec]:
    """The inputs of a signature in a SavedModel, in order."""
    if signature.noise is None:
        return list(signature.inputs.values())
    seeded = [_SEED if name == signature.noise.input else spec for name, spec in signature.inputs.items()]
    return [_SEED, _COUNT, *(spec for spec in seeded if spec is not _SEED)] if _counted(signature) else seeded


def _counted(signature: Signature) -> bool:
    """Whether noise and condition are the only inputs, so that `n` must give the number of examples."""
    return signature.noise is not None and set(signature.inputs) <= {signature.noise.input, "y"}


def _function(vae: VAE, signature: Signature) -> Callable[..., Outputs]:
    names = [spec.name for spec in inputs(signature)]

    def call(*values: tf.Tensor) -> Outputs:
        arguments = dict(zip(names, values, strict=True))
        if signature.noise is not None:
            count = arguments.pop("n") if _counted(signature) else tf.shape(values[0])[0]
            if _counted(signature) and "y" in arguments:
                shape = [tf.cast(count, tf.int32), arguments["y"].shape[1]]
                arguments["y"] = tf.ensure_shape(tf.broadcast_to(arguments["y"], shape), [None, shape[1]])
            shape = signature.inputs[signature.noise.input].shape[1:]
            arguments[signature.noise.input] = _normals(arguments.pop("seed"), signature.noise.purpose, count, shape)
        outputs = signature.function(**arguments)
        return {
            name: vae.scaling.inverse_in_graph(value) if signature.outputs[name] is Unit.USER else value
            for name, value in outputs.items()
        }

    return call


def _normals(seed: tf.Tensor, purpose: int, count: tf.Tensor, shape: tf.TensorShape) -> tf.Tensor:
    whole = tf.concat([[tf.cast(count, tf.int64)], tf.constant(list(shape), tf.int64)], 0)
    return tf.ensure_shape(noise.normal(noise.Address(seed, purpose), whole)[0], [None, *shape])
