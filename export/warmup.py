"""Warm-up requests: TensorFlow Serving runs them before it reports a version as ready."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

from tfvae.export import saved_model
from tfvae.models.vae import VAE

FILE = Path("assets.extra") / "tf_serving_warmup_requests"
DEFAULT = "serving_default"


def write(vae: VAE, folder: Path) -> None:
    """Writes one request for each signature, with a batch of one, into the SavedModel's `assets.extra`.

    Args:
      vae: the model of the SavedModel.
      folder: of the SavedModel.

    Source: TensorFlow Serving, SavedModel Warmup: a TFRecord file of at most 1,000 PredictionLog messages.
    """
    signatures = {signature.name: saved_model.inputs(signature) for signature in vae.signatures()}
    signatures[DEFAULT] = next(iter(signatures.values()))
    path = folder / FILE
    path.parent.mkdir()
    with tf.io.TFRecordWriter(str(path)) as writer:
        for name, inputs in signatures.items():
            writer.write(_log(name, {spec.name: _value(spec) for spec in inputs}).SerializeToString(deterministic=True))


def _value(spec: tf.TensorSpec) -> np.ndarray:
    if spec.shape.rank == 0:
        return np.array(1, spec.dtype.as_numpy_dtype)
    return np.full([1, *spec.shape[1:]], 0.5, np.float32)


def _log(signature: str, inputs: dict[str, np.ndarray]) -> prediction_log_pb2.PredictionLog:
    request = predict_pb2.PredictRequest(model_spec=model_pb2.ModelSpec(signature_name=signature))
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
