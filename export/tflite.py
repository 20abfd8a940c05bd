"""float32 TFLite files: static batches, named inputs and outputs, builtin operations only.

Files are made by a Keras `ExportArchive` with static signatures, then the converter: measurements show that this is
correct. Other ways give files that load but return garbage, so every file is checked for operations that it must not
have.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfvae.errors import UserError
from tfvae.export.flatbuffer import operations
from tfvae.models.signatures import DECODER, GENERATOR, SCORER, Noise, Outputs, Signature, Unit
from tfvae.models.vae import VAE
from tfvae.noise.integer_ops import normal_from_seed
from tfvae.quiet import quiet_start

FILES = {
    "float32": "decoder.tflite",
    "float16": "decoder_float16.tflite",
    "dynamic": "decoder_dynamic.tflite",
    "int8": "decoder_int8.tflite",
    "generator": "generator.tflite",
    "scorer": "scorer.tflite",
}
CONVERTER = "TFLiteConverter"
WITH_NOISE = "_with_noise"  # suffix of a signature that has its noise as an input

_VARIABLES = ("VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE")
_SEED = tf.TensorSpec([2], tf.int32, "seed")

Endpoint = tuple[Callable[..., Outputs], list[tf.TensorSpec]]


def decoder(vae: VAE, batches: Sequence[int]) -> bytes:
    """`decode(z)`, the mean of p(x|z) in model units; and `prior` if runners need it.

    Args:
      vae: under a float32 policy.
      batches: sizes, each with a signature: `decode` for the first, `decode_B` for each other B. They share the
        weights.

    Returns:
      A TFLite file.

    Raises:
      UserError: the converter does not support a layer, or the package `ai-edge-litert` is not installed.
    """
    return convert(vae, endpoints(vae, DECODER, batches))


def generator(vae: VAE, batches: Sequence[int]) -> bytes:
    """`sample(seed)`: x in the user's units and its z, sample i at example i of purpose 0; Philox in builtin ops.

    Args and Raises: as `decoder`.
    """
    return convert(vae, endpoints(vae, GENERATOR, batches))


def scorer(vae: VAE, batches: Sequence[int]) -> bytes:
    """`encode(x)`, `score(x, seed)` and `score_with_noise(x, eps)`, which accepts the noise of any examples.

    Example i of a batch has the noise of example i, purpose 2. Args and Raises: as `decoder`.
    """
    return convert(vae, endpoints(vae, SCORER, batches))


def endpoints(vae: VAE, file: str, batches: Sequence[int]) -> dict[str, Endpoint]:
    """The signatures of a file, for each batch size: the plain name for the first, `name_B` for each other B.

    Noise is drawn from a seed in the graph; the scorer has a second signature with the noise as an input.
    """
    found: dict[str, Endpoint] = {}
    for i, batch in enumerate(batches):
        suffix = f"_{batch}" if i else ""
        for signature in vae.signatures():
            if signature.file != file:
                continue
            if signature.noise is None:
                found[f"{signature.name}{suffix}"] = _endpoint(vae, signature, batch)
                continue
            found[f"{signature.name}{suffix}"] = _endpoint(vae, signature, batch, signature.noise)
            if file == SCORER:
                found[f"{signature.name}{WITH_NOISE}{suffix}"] = _endpoint(vae, signature, batch)
    return found


def _endpoint(vae: VAE, signature: Signature, batch: int, drawn: Noise | None = None) -> Endpoint:
    """The function of one batch size with its inputs; `drawn` is the input that a seed replaces."""
    inputs = {
        name: tf.TensorSpec([batch, *spec.shape[1:]], spec.dtype, name) for name, spec in signature.inputs.items()
    }

    def call(*values: tf.Tensor) -> Outputs:
        arguments = dict(zip(inputs, values, strict=True))
        if drawn is not None:
            arguments[drawn.input] = normal_from_seed(
                arguments[drawn.input], inputs[drawn.input].shape.as_list(), purpose=drawn.purpose
            )
        outputs = signature.function(**arguments)
        return {
            name: vae.scaling.inverse_in_graph(value, tf.float32) if signature.outputs[name] is Unit.USER else value
            for name, value in outputs.items()
        }

    return call, [_SEED if drawn is not None and name == drawn.input else spec for name, spec in inputs.items()]


def convert(
    vae: VAE, endpoints: dict[str, Endpoint], configure: Callable[[Any], None] = lambda converter: None
) -> bytes:
    """Converts the endpoints into one file, and checks its operations.

    Args:
      vae: the model whose weights the endpoints use.
      endpoints: functions and their static inputs, by signature.
      configure: sets options of the `tf.lite.TFLiteConverter`.

    Raises:
      UserError: as `decoder`.
    """
    try:
        data = _convert(vae, endpoints, configure)
    except _RefusedError as refusal:
        raise UserError(_culprit(vae, refusal)) from refusal
    check(data)
    return data


def check(data: bytes) -> None:
    """Checks that no subgraph of a file has variables, Flex operations or custom operations.

    Raises:
      UserError: names the operations found.
    """
    unsupported = sorted(name for name in operations(data) if name in _VARIABLES or not name.isupper())
    if unsupported:
        raise UserError(
            f"TFLite: the file has the operations {', '.join(unsupported)}, with which a phone's runtime fails or "
            "returns garbage; replace the layers that use them."
        )


class _RefusedError(Exception):
    """The converter's error for a model that it does not support."""


def _convert(model: keras.Model, endpoints: dict[str, Endpoint], configure: Callable[[Any], None]) -> bytes:
    archive = keras.export.ExportArchive()
    archive.track(model)
    for name, (function, signature) in endpoints.items():
        archive.add_endpoint(name, function, input_signature=signature)
    refusal = None
    # Native code of the converter prints errors to standard error at any log level.
    with tempfile.TemporaryDirectory() as folder, quiet_start():
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(endpoints))
        configure(converter)
        try:
            return bytes(converter.convert())
        except Exception as error:
            refusal = error
    raise _RefusedError(str(refusal).strip()) from refusal


def _culprit(vae: VAE, refusal: _RefusedError) -> str:
    """A message that names the unsupported layer, found by converting the layers one by one."""
    for network in (vae.decoder, vae.encoder):
        for layer in network.operations:  # includes functions such as keras.ops.erfinv
            reason = _reason(layer)
            if reason:
                kind = type(layer).__name__
                return (
                    f"TFLite: the {network.name}'s layer {layer.name!r} ({kind}) uses {reason}, for which TFLite has "
                    "no builtin operation; replace the layer."
                )
    likelihood = type(vae.likelihood).__name__
    first_line = str(refusal).splitlines()[0]
    return f"TFLite: each layer converts, but the model with its likelihood {likelihood} does not: {first_line}."


def _reason(layer: keras.Operation) -> str:
    """The unsupported operations of a layer; empty if the layer converts."""
    if isinstance(layer, keras.layers.InputLayer):
        return ""
    model = keras.Model(layer.input, layer.output)
    inputs = [tf.TensorSpec([1, *tensor.shape[1:]], tensor.dtype, f"x{i}") for i, tensor in enumerate(model.inputs)]

    def run(*x: tf.Tensor) -> Outputs:
        return {"y": model(list(x) if len(x) > 1 else x[0], training=False)}

    try:
        _convert(model, {"run": (run, inputs)}, lambda converter: None)
    except _RefusedError as refusal:
        return (
            ", ".join(sorted(set(re.findall(r"'(tf\.\w+)' op is neither", str(refusal)))))
            or str(refusal).splitlines()[0]
        )
    return ""
