"""The SavedModel: what TensorFlow Serving and the C++ loaders take; it needs neither tfvae nor its op library."""

from __future__ import annotations

from pathlib import Path

import keras
import tensorflow as tf

from tfvae import noise
from tfvae.export.functions import Functions, Outputs

FOLDER = "saved_model"


def write(functions: Functions, folder: Path) -> None:
    """Writes a SavedModel with a dynamic batch and dictionaries of named outputs.

    | signature | inputs | outputs |
    |---|---|---|
    | `decode`, also `serving_default` | z `[batch, latent]` | mean `[batch, *event]`, model units |
    | `encode` | x `[batch, *event]`, model units | z_mean, z_log_var `[batch, latent]` |
    | `reconstruct` | x | mean at z = z_mean(x), model units |
    | `score` | x, seed int64 | elbo, reconstruction, kl `[batch]`, nats; noise of purpose 2 |
    | `sample` | seed int64, n int64 | x `[n, *event]` in the user's units, z `[n, latent]`; noise of purpose 0 |

    Args:
      functions: of a float32 model.
      folder: to be made.
    """
    # Keras's archive, because a SavedModel of a tf.Module that holds a Keras model fails in session and C++ loaders.
    archive = keras.export.ExportArchive()
    archive.track(functions.vae.encoder)
    archive.track(functions.vae.decoder)
    latent = functions.latent_dim
    x = tf.TensorSpec([None, *functions.event_shape], tf.float32, name="x")
    z = tf.TensorSpec([None, latent], tf.float32, name="z")
    seed, n = (tf.TensorSpec([], tf.int64, name=name) for name in ("seed", "n"))

    def score(x: tf.Tensor, seed: tf.Tensor) -> Outputs:
        return functions.score(x, _normals(seed, noise.EVALUATION, tf.shape(x)[0], latent))

    def sample(seed: tf.Tensor, n: tf.Tensor) -> Outputs:
        drawn = functions.prior_sample(_normals(seed, noise.PRIOR, n, latent))
        return {"x": functions.user_units(functions.decode(drawn)["mean"]), "z": drawn}

    archive.add_endpoint("decode", functions.decode, input_signature=[z])
    archive.add_endpoint("encode", functions.encode, input_signature=[x])
    archive.add_endpoint("reconstruct", functions.reconstruct, input_signature=[x])
    archive.add_endpoint("score", score, input_signature=[x, seed])
    archive.add_endpoint("sample", sample, input_signature=[seed, n])
    archive.write_out(str(folder), verbose=False)


def _normals(seed: tf.Tensor, purpose: int, count: tf.Tensor, width: int) -> tf.Tensor:
    shape = tf.stack([tf.cast(count, tf.int64), tf.constant(width, tf.int64)])
    return tf.ensure_shape(noise.normal(noise.Address(seed, purpose), shape)[0], [None, width])
