"""Smaller decoders from the float32 file, with LiteRT's quantizer.

On trained MNIST decoders of all three kinds its files are as accurate as the converter's (one dense decoder of dynamic
range by a tenth less), and it has more options: which layers to quantize, and ranges that cover all calibration values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import metadata
from typing import NamedTuple

import numpy as np

from tfvae.export import recipes
from tfvae.export.flatbuffer import package
from tfvae.export.latents import Arrays, Calibration
from tfvae.export.metadata import signatures

TOOL = "litert-quantizer"
# Largest and mean error of the means, relative to the spread, above which the next recipe is tried: slightly below the
# gates of the exported file, which is measured on other latents.
AIMS = {"dynamic": (0.02, 0.0018), "int8": (0.08, 0.009)}
PASSES = (0.09, 0.0018)
BETTER = 0.8  # a slower recipe must reduce the error at least by this factor
_ALL = 10_000  # layers
_EXCEPT = {0: "", 1: " except in the last layer", 2: " except in the last two", 4: " except in the last four"}
_SMALL = 1024  # weights
_STEP = 2  # only every second latent is compared


class Quantized(NamedTuple):
    """A quantized TFLite file.

    Attributes:
      data: the file.
      tool: what quantized it, and by which recipe.
    """

    data: bytes
    tool: str


class _Tried(NamedTuple):
    """A candidate file, with the largest and mean error, relative to the spread, that end the search."""

    words: str
    data: bytes
    enough: tuple[float, float]


def quantize(kind: str, float32: bytes, calibration: Calibration, spread: float) -> Quantized:
    """The quantized decoder; its inputs and outputs stay float32.

    float16: 16-bit weights. dynamic: 8-bit weights by channel, 8-bit activations with ranges computed at run time.
    int8: 8-bit activations with ranges fixed by calibration, but computed at run time in the last layers, where fixed
    ranges cost the most accuracy; operations between layers, such as a norm, stay float. In both, only the weights of
    the first layer have 8 bits, so that z itself is not rounded. Of several recipes the fastest with a small enough
    error is used.

    Args:
      kind: float16, dynamic or int8.
      float32: the file of `tflite.decoder`.
      calibration: latents.
      spread: divisor of the errors; see `proof.elbo.spread`.

    Raises:
      UserError: the package `litert-quantizer` is not installed.
    """
    package("litert_quantizer.recipe")
    by = f"{TOOL} {metadata.version(TOOL)}"
    if kind == "float16":
        return Quantized(recipes.apply(float32, recipes.float16()), f"{by}: 16-bit weights")
    tried = _dynamic(float32) if kind == "dynamic" else _int8(float32, calibration)
    best = _first_good(tried, np.array(AIMS[kind]), float32, calibration, spread)
    return Quantized(best.data, f"{by}: {best.words}")


def _dynamic(float32: bytes) -> Iterator[_Tried]:
    """Candidates for dynamic, fastest first.

    Residual networks without a sigmoid need 8-bit weights only in the last layer (mean error 0.0025 before, 0.0016
    after). Transposed convolutions need small layers left out, such as one with a single output channel (largest error
    0.058 before, 0.038 after). Quantizing only weights everywhere is no faster than float32, so it comes last.
    """
    steps = [
        ("8-bit weights and activations", 0, 0, AIMS["dynamic"]),
        ("8-bit weights and activations, only weights in the last layer", 0, 1, AIMS["dynamic"]),
    ]
    if max(recipes.layers(float32), default=0) >= _SMALL:
        where = f"in layers of {_SMALL:,} weights or more"
        steps += [
            (f"8-bit weights and activations {where}", _SMALL, 0, PASSES),
            (f"8-bit weights {where}", _SMALL, _ALL, PASSES),
        ]
    for words, least, alone, enough in steps:
        yield _Tried(words, recipes.apply(float32, recipes.dynamic(float32, least, alone)), enough)


def _int8(float32: bytes, calibration: Calibration) -> Iterator[_Tried]:
    """Candidates for int8: more and more of the last layers have ranges computed at run time.

    With transposed convolutions this reduced the largest error from 0.081 to 0.059.
    """
    ranges, after_first = recipes.ranges(float32, calibration.all), len(recipes.layers(float32)) - 1
    # At least one layer must keep a fixed range; without one the file would be the dynamic one.
    for last in [last for last in (1, 2, 4) if last < after_first] or [0]:
        words = f"8-bit weights and activations, fixed ranges{_EXCEPT[last]}"
        yield _Tried(words, recipes.apply(float32, recipes.int8(float32, last), ranges), AIMS["int8"])


def _first_good(
    tried: Iterable[_Tried], aims: np.ndarray, float32: bytes, calibration: Calibration, spread: float
) -> _Tried:
    """The first file that is accurate enough; files come fastest first, and a slower one must be much better."""
    sets = [{name: rows[::_STEP] for name, rows in inputs.items()} for inputs in calibration.sets]
    expected = [_run(float32, inputs) for inputs in sets]
    best, least = None, np.full(2, np.inf)
    for candidate in tried:
        off = [np.abs(_run(candidate.data, inputs) - mean) / spread for inputs, mean in zip(sets, expected)]
        errors = np.max([(part.max(), part.mean()) for part in off], axis=0)
        if best is None or np.max(errors / aims) < BETTER * np.max(least / aims):
            best, least = candidate, errors
        if np.all(least <= candidate.enough):
            break
    assert best is not None
    return best


def _run(data: bytes, inputs: Arrays) -> np.ndarray:
    """The means from a file's first signature."""
    name, details = next(iter(signatures(data).items()))
    with recipes.quiet():
        interpreter = package("ai_edge_litert.interpreter").Interpreter(model_content=data, num_threads=1)
        decode = interpreter.get_signature_runner(name)
        outputs = [decode(**block) for block in recipes.blocks(inputs, details["inputs"])]
        return np.concatenate([next(iter(output.values())) for output in outputs])
