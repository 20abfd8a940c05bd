"""Smaller decoders from the float32 file, with LiteRT's quantizer.

On trained MNIST decoders of all three kinds it equals the converter's own quantization where both are asked for the
same, and can be asked for more: which layers, and ranges that hold all that calibration saw.
"""

from __future__ import annotations

import contextlib
import io
import math
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tfvae.export.flatbuffer import operation_names, package, read
from tfvae.export.metadata import signatures
from tfvae.quiet import quiet_start

TOOL = "litert-quantizer"
# Greatest and mean error of the means, as parts of the spread, above which the next recipe is tried: a little less
# than what the exported file is held to, on other latents.
AIMS = {"dynamic": (0.02, 0.0018), "int8": (0.08, 0.009)}
_JUDGED = 2  # every second latent
_ALL = 10_000  # layers
BETTER = 0.8  # what a slower recipe must bring the error down to
# What holds nearly all the weights: by its name in the file, the quantizer's name for it.
_LAYERS = {"FULLY_CONNECTED": "FULLY_CONNECTED", "CONV_2D": "CONV_2D", "TRANSPOSE_CONV": "CONV_2D_TRANSPOSE"}

Recipe = list[dict[str, Any]]


class Quantized(NamedTuple):
    """A quantized TFLite file.

    Attributes:
      data: the file.
      tool: what quantized it.
    """

    data: bytes
    tool: str


def quantize(kind: str, float32: bytes, calibration: np.ndarray, spread: float) -> Quantized:
    """The decoder in fewer bits; its inputs and outputs stay float32.

    float16: weights of 16 bits. dynamic: weights of 8 bits by channel, activations of 8 bits in the range of the
    moment. int8: activations of 8 bits in ranges fixed by calibration; in the last layers, where these cost most, of
    the moment; what lies between layers, such as a norm, stays float. In both the first layer has its weights alone in
    8 bits, so that z itself is not rounded. Of several recipes the fastest is taken whose error is small enough.

    Args:
      kind: float16, dynamic or int8.
      float32: the file of `tflite.decoder`.
      calibration: latents, `[n, latent]`.
      spread: what errors are divided by; see `proof.elbo.spread`.

    Raises:
      UserError: the package `litert-quantizer` is not there.
    """
    if kind == "float16":
        return Quantized(_apply(float32, _float16()), TOOL)
    aims = spread * np.array(AIMS[kind])
    if kind == "dynamic":
        # All layers; then the last with its weights alone, which residual networks without a sigmoid need (mean error
        # 0.0025, then 0.0016); then without those of fewer than 1,024 weights, such as one that ends in a single
        # channel (transposed convolutions: greatest error 0.058, then 0.038). Weights alone everywhere is no faster
        # than float32: only where the others would not pass.
        passes = spread * np.array([0.09, 0.0018])
        steps = [(aims, 0, 0), (aims, 0, 1), (passes, 1024, 0), (passes, 1024, _ALL)]
        files = ((most, _apply(float32, _dynamic(float32, least, alone))) for most, least, alone in steps)
    else:
        # Then with more of the last layers in the range of the moment (transposed convolutions: 0.081, then 0.059).
        ranges = _ranges(float32, calibration)
        files = ((aims, _apply(float32, _int8(float32, last), ranges)) for last in (1, 2, 4))
    return Quantized(_first_good(files, aims, float32, calibration), TOOL)


def _first_good(
    files: Iterable[tuple[np.ndarray, bytes]], aims: np.ndarray, float32: bytes, latents: np.ndarray
) -> bytes:
    """The fastest file that is good enough.

    Args:
      files: the fastest first, each with the greatest and the mean error with which no further one is tried.
      aims: by which errors are compared: a slower file must be much better.
    """
    latents = latents[::_JUDGED]
    wanted = _run(float32, latents)
    best, least = b"", np.full(2, np.inf)
    for most, data in files:
        off = np.abs(_run(data, latents) - wanted)
        errors = np.array([off.max(), off.mean()])
        if not best or np.max(errors / aims) < BETTER * np.max(least / aims):
            best, least = data, errors
        if np.all(least <= most):
            break
    return best


def _apply(float32: bytes, recipe: Recipe, ranges: dict[str, Any] | None = None) -> bytes:
    (quantizers,) = _modules("quantizer")
    quantizer = quantizers.Quantizer(float32, recipe)
    with _quiet():
        return bytes(quantizer.quantize(ranges, enable_progress_report=False).quantized_model)


def _float16() -> Recipe:
    (recipe,) = _modules("recipe")
    (step,) = recipe.weight_only_wi8_afp32()
    weights = {**step["op_config"]["weight_tensor_config"], "num_bits": 16, "dtype": "FLOAT"}
    config = {**step["op_config"], "weight_tensor_config": weights}
    casting = {**step, "algorithm_key": "float_casting", "op_config": config}
    return [{**casting, "operation": layer} for layer in _LAYERS.values()]


def _dynamic(float32: bytes, least: int, alone: int) -> Recipe:
    """All layers of at least so many weights; of the last so many, the weights alone."""
    (recipe,) = _modules("recipe")
    first, others = _layers(float32)
    weights = first + [name for names in others for name in names[max(0, len(names) - alone) :]]
    steps = recipe.dynamic_wi8_afp32()
    steps += [_only(name, step) for name in weights for step in recipe.weight_only_wi8_afp32()]
    return [{**step, "op_config": {**step["op_config"], "min_weight_elements": least}} for step in steps]


def _int8(float32: bytes, last: int) -> Recipe:
    """All layers with fixed ranges, except the last so many."""
    (recipe,) = _modules("recipe")
    first, others = _layers(float32)
    steps = [{**step, "operation": layer} for step in recipe.static_wi8_ai8() for layer in _LAYERS.values()]
    steps += [_only(name, step) for name in first for step in recipe.weight_only_wi8_afp32()]
    return steps + [
        _only(name, step) for names in others for name in names[-last:] for step in recipe.dynamic_wi8_afp32()
    ]


def _only(name: str, step: dict[str, Any]) -> dict[str, Any]:
    """The step for the operation of one output."""
    return {**step, "regex": f"^{re.escape(name)};$"}


def _layers(float32: bytes) -> tuple[list[str], list[list[str]]]:
    """Outputs of the first layer, and of those after it in their order, of each signature."""
    model = read(float32)
    names = operation_names(model)
    outputs = [
        [
            graph.tensors[operator.outputs[0]].name.decode()
            for operator in graph.operators
            if names[operator.opcodeIndex] in _LAYERS
        ]
        for graph in model.subgraphs
    ]
    return [layers[0] for layers in outputs if layers], [layers[1:] for layers in outputs]


def _ranges(float32: bytes, calibration: np.ndarray) -> dict[str, Any]:
    """Least and greatest value of each activation in each signature; a moving average would miss the tails."""
    calibrators, updates = _modules("calibrator", "utils.qsv_utils")
    calibrator = calibrators.Calibrator(
        float32,
        num_threads=1,
        mode=calibrators.CalibrationMode.CALIBRATION_PROFILER_BASED,
        qsv_update_func=updates.min_max_update,
    )
    inputs = {
        name: [{"z": block} for block in _blocks(calibration, details["inputs"]["z"]["shape"])]
        for name, details in signatures(float32).items()
    }
    with _quiet():
        calibrator.calibrate(inputs, None)
    ranges: dict[str, Any] = calibrator.get_model_qsvs()
    return ranges


def _run(data: bytes, latents: np.ndarray) -> np.ndarray:
    """The means that a file gives, by its first signature."""
    name, details = next(iter(signatures(data).items()))
    with _quiet():
        interpreter = package("ai_edge_litert.interpreter").Interpreter(model_content=data, num_threads=1)
        decode = interpreter.get_signature_runner(name)
        blocks = _blocks(latents, details["inputs"]["z"]["shape"])
        return np.concatenate([decode(z=block)["mean"] for block in blocks])


def _blocks(latents: np.ndarray, shape: Sequence[int]) -> Iterator[np.ndarray]:
    """All latents in blocks of a shape; the last is filled up from the beginning."""
    return iter(np.resize(latents, (math.ceil(len(latents) / shape[0]), *shape)))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Holds back progress bars and warnings, which go to Python's standard error, and notices, which go past it."""
    with quiet_start(), contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _modules(*names: str) -> list[Any]:
    return [package(f"litert_quantizer.{name}") for name in names]
