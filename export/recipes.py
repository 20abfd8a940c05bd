"""Recipes for LiteRT's quantizer: the number of bits of each layer, and the ranges from calibration."""

from __future__ import annotations

import contextlib
import io
import math
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tfvae.export.flatbuffer import operation_names, package, read
from tfvae.export.metadata import signatures
from tfvae.quiet import quiet_start

# Operations that hold nearly all the weights: name in the file to the quantizer's name.
_LAYERS = {"FULLY_CONNECTED": "FULLY_CONNECTED", "CONV_2D": "CONV_2D", "TRANSPOSE_CONV": "CONV_2D_TRANSPOSE"}

Arrays = dict[str, np.ndarray]
Recipe = list[dict[str, Any]]
Ranges = dict[str, Any]


def apply(float32: bytes, recipe: Recipe, ranges: Ranges | None = None) -> bytes:
    """Quantizes the float32 file by a recipe."""
    (quantizers,) = _modules("quantizer")
    quantizer = quantizers.Quantizer(float32, recipe + _kept(float32))
    with quiet():
        return bytes(quantizer.quantize(ranges, enable_progress_report=False).quantized_model)


def float16() -> Recipe:
    """16-bit weights."""
    (recipe,) = _modules("recipe")
    (step,) = recipe.weight_only_wi8_afp32()
    weights = {**step["op_config"]["weight_tensor_config"], "num_bits": 16, "dtype": "FLOAT"}
    config = {**step["op_config"], "weight_tensor_config": weights}
    casting = {**step, "algorithm_key": "float_casting", "op_config": config}
    return [{**casting, "operation": layer} for layer in _LAYERS.values()]


def dynamic(float32: bytes, least: int, alone: int) -> Recipe:
    """8-bit weights by channel, 8-bit activations with ranges computed at run time.

    Args:
      float32: the file that the recipe is for.
      least: layers with fewer weights stay float32.
      alone: in this many of the last layers, and in the first, which would round z, only the weights have 8 bits.
    """
    (recipe,) = _modules("recipe")
    first, others = _outputs(float32)
    weights = first + [name for names in others for name in names[max(0, len(names) - alone) :]]
    steps = recipe.dynamic_wi8_afp32()
    steps += [_only(name, step) for name in weights for step in recipe.weight_only_wi8_afp32()]
    return [{**step, "op_config": {**step["op_config"], "min_weight_elements": least}} for step in steps]


def int8(float32: bytes, last: int) -> Recipe:
    """8-bit weights by channel, 8-bit activations with fixed ranges.

    Args:
      float32: the file that the recipe is for.
      last: this many of the last layers have ranges computed at run time; in the first only the weights have 8 bits.
    """
    (recipe,) = _modules("recipe")
    first, others = _outputs(float32)
    steps = [{**step, "operation": layer} for step in recipe.static_wi8_ai8() for layer in _LAYERS.values()]
    steps += [_only(name, step) for name in first for step in recipe.weight_only_wi8_afp32()]
    at_run_time = [name for names in others for name in names[max(0, len(names) - last) :]]
    return steps + [_only(name, step) for name in at_run_time for step in recipe.dynamic_wi8_afp32()]


def layers(float32: bytes) -> list[int]:
    """The number of weights of each layer of the first signature, in order."""
    model = read(float32)
    names, graph = operation_names(model), _graphs(model)[0]
    kernels = [graph.tensors[op.inputs[1]] for op in graph.operators if names[op.opcodeIndex] in _LAYERS]
    return [math.prod(kernel.shape) for kernel in kernels]


def ranges(float32: bytes, latents: Arrays) -> Ranges:
    """Smallest and largest value of each activation in each signature; a moving average would miss the tails."""
    calibrators, updates = _modules("calibrator", "utils.qsv_utils")
    calibrator = calibrators.Calibrator(
        float32,
        num_threads=1,
        mode=calibrators.CalibrationMode.CALIBRATION_PROFILER_BASED,
        qsv_update_func=updates.min_max_update,
    )
    inputs = {
        name: list(blocks(latents, details["inputs"]))
        for name, details in signatures(float32).items()
        if details["inputs"].keys() <= latents.keys()
    }
    with quiet():
        calibrator.calibrate(inputs, None)
    seen: Ranges = calibrator.get_model_qsvs()
    return seen


def blocks(inputs: Arrays, details: Mapping[str, Any]) -> Iterator[Arrays]:
    """All rows in blocks of the signature's batch size; the last block is filled with the first rows.

    Args:
      inputs: rows by input, the same number for each.
      details: of the signature's inputs, with their `shape`.
    """
    whole = {}
    for name, detail in details.items():
        size, *shape = detail["shape"]
        count = math.ceil(len(inputs[name]) / size)
        whole[name] = np.resize(inputs[name], (count, size, *shape))
    return (dict(zip(whole, block)) for block in zip(*whole.values()))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hides progress bars and warnings, on Python's standard error, and notices that native code prints."""
    with quiet_start(), contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _outputs(float32: bytes) -> tuple[list[str], list[list[str]]]:
    """Outputs of the first layer, and of the layers after it in order, for each signature."""
    model = read(float32)
    kinds = operation_names(model)
    outputs = [
        [
            graph.tensors[operator.outputs[0]].name.decode()
            for operator in graph.operators
            if kinds[operator.opcodeIndex] in _LAYERS
        ]
        for graph in _graphs(model)
    ]
    return [names[0] for names in outputs if names], [names[1:] for names in outputs]


def _graphs(model: Any, decoders: bool = True) -> list[Any]:
    """The graphs of the decoder's signatures, which have the name of the first one, or of the others."""
    plain = {signature.subgraphIndex: _plain(signature) for signature in model.signatureDefs}
    first = _plain(model.signatureDefs[0])
    return [graph for i, graph in enumerate(model.subgraphs) if (plain.get(i, first) == first) == decoders]


def _plain(signature: Any) -> str:
    return re.sub(r"_\d+$", "", signature.signatureKey.decode())


def _kept(float32: bytes) -> Recipe:
    """Steps that keep other signatures in float32: an 8-bit prior would give another z for a seed."""
    model = read(float32)
    names = [
        "".join(f"{graph.tensors[output].name.decode()};" for output in operator.outputs)
        for graph in _graphs(model, decoders=False)
        for operator in graph.operators
    ]
    return [
        {"regex": f"^{re.escape(name)}$", "operation": "*", "algorithm_key": "no_quantize", "op_config": {}}
        for name in names
    ]


def _only(name: str, step: dict[str, Any]) -> dict[str, Any]:
    """The step for the operation of one output."""
    return {**step, "regex": f"^{re.escape(name)};$"}


def _modules(*names: str) -> list[Any]:
    return [package(f"litert_quantizer.{name}") for name in names]
