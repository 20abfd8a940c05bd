"""Warm-up requests: TensorFlow Serving answers them before it says that a version is ready."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

from tfvae.export.functions import Functions

FILE = Path("assets.extra") / "tf_serving_warmup_requests"


def write(functions: Functions, saved_model: Path) -> None:
    """Writes one request for each signature, with a batch of one, into the SavedModel's `assets.extra`.

    Args:
      functions: that the SavedModel was made of.
      saved_model: its folder.

    Source: TensorFlow Serving, SavedModel Warmup: a TFRecord file of at most 1,000 PredictionLog messages.
    """
    z = np.zeros([1, functions.latent_dim], np.float32)
    x = np.full([1, *functions.event_shape], 0.5, np.float32)
    seed, n = np.array(0, np.int64), np.array(1, np.int64)
    requests: dict[str, dict[str, np.ndarray]] = {
        "serving_default": {"z": z},
        "decode": {"z": z},
        "encode": {"x": x},
        "reconstruct": {"x": x},
        "score": {"x": x, "seed": seed},
        "sample": {"seed": seed, "n": n},
    }
    path = saved_model / FILE
    path.parent.mkdir()
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, inputs in requests.items():
            writer.write(_log(signature, inputs).SerializeToString(deterministic=True))


def _log(signature: str, inputs: dict[str, np.ndarray]) -> prediction_log_pb2.PredictionLog:
    request = predict_pb2.PredictRequest(model_spec=model_pb2.ModelSpec(signature_name=signature))
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
