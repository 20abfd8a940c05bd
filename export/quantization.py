"""Smaller decoders from the float32 file, with LiteRT's quantizer.

On trained MNIST decoders of all three kinds its files are as close as the converter's (one dense decoder of dynamic
range by a tenth less), and it can be asked for more: which layers, and ranges that hold all that calibration saw.
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
# Greatest and mean error of the means, as parts of the spread, above which the next recipe is tried: a little less
# than what the exported file is held to, on other latents.
AIMS = {"dynamic": (0.02, 0.0018), "int8": (0.08, 0.009)}
PASSES = (0.09, 0.0018)
BETTER = 0.8  # what a slower recipe must bring the error down to
_ALL = 10_000  # layers
_EXCEPT = {0: "", 1: " but for the last layer", 2: " but for the last two layers", 4: " but for the last four layers"}
_SMALL = 1024  # weights
_STEP = 2  # every second latent is compared


class Quantized(NamedTuple):
    """A quantized TFLite file.

    Attributes:
      data: the file.
      tool: what quantized it, and by which recipe.
    """

    data: bytes
    tool: str


class _Tried(NamedTuple):
    """A file that may do, with the greatest and mean error, as parts of the spread, that end the search."""

    words: str
    data: bytes
    enough: tuple[float, float]


def quantize(kind: str, float32: bytes, calibration: Calibration, spread: float) -> Quantized:
    """The decoder in fewer bits; its inputs and outputs stay float32.

    float16: weights of 16 bits. dynamic: weights of 8 bits by channel, activations of 8 bits with ranges computed at
    run time. int8: activations of 8 bits with ranges fixed by calibration, but computed at run time in the last layers,
    where fixed ones cost most; what lies between layers, such as a norm, stays float. In both the first layer has its
    weights alone in 8 bits, so that z itself is not rounded. Of several recipes the fastest is taken whose error is
    small enough.

    Args:
      kind: float16, dynamic or int8.
      float32: the file of `tflite.decoder`.
      calibration: latents.
      spread: what errors are divided by; see `proof.elbo.spread`.

    Raises:
      UserError: the package `litert-quantizer` is not there.
    """
    package("litert_quantizer.recipe")
    by = f"{TOOL} {metadata.version(TOOL)}"
    if kind == "float16":
        return Quantized(recipes.apply(float32, recipes.float16()), f"{by}: weights of 16 bits")
    tried = _dynamic(float32) if kind == "dynamic" else _int8(float32, calibration)
    best = _first_good(tried, np.array(AIMS[kind]), float32, calibration, spread)
    return Quantized(best.data, f"{by}: {best.words}")


def _dynamic(float32: bytes) -> Iterator[_Tried]:
    """The last layer's weights alone: residual networks without a sigmoid need it (mean error 0.0025, then 0.0016).

    Small layers left out, such as one that ends in a single channel: transposed convolutions do (greatest error 0.058,
    then 0.038). Weights alone everywhere is no faster than float32: only where the others would not pass.
    """
    steps = [
        ("weights and activations of 8 bits", 0, 0, AIMS["dynamic"]),
        ("weights and activations of 8 bits, weights alone in the last layer", 0, 1, AIMS["dynamic"]),
    ]
    if max(recipes.layers(float32), default=0) >= _SMALL:
        left = f"in layers of {_SMALL:,} weights or more"
        steps += [
            (f"weights and activations of 8 bits {left}", _SMALL, 0, PASSES),
            (f"weights of 8 bits {left}", _SMALL, _ALL, PASSES),
        ]
    for words, least, alone, enough in steps:
        yield _Tried(words, recipes.apply(float32, recipes.dynamic(float32, least, alone)), enough)


def _int8(float32: bytes, calibration: Calibration) -> Iterator[_Tried]:
    """More of the last layers with ranges computed at run time.

    With transposed convolutions the greatest error was 0.081, then 0.059.
    """
    ranges, after_first = recipes.ranges(float32, calibration.all), len(recipes.layers(float32)) - 1
    # At least one layer is left whose range is fixed: the file would be the dynamic one.
    for last in [last for last in (1, 2, 4) if last < after_first] or [0]:
        words = f"weights and activations of 8 bits, in fixed ranges{_EXCEPT[last]}"
        yield _Tried(words, recipes.apply(float32, recipes.int8(float32, last), ranges), AIMS["int8"])


def _first_good(
    tried: Iterable[_Tried], aims: np.ndarray, float32: bytes, calibration: Calibration, spread: float
) -> _Tried:
    """The fastest that is good enough, of files from the fastest on; a slower one must be much better."""
    sets = [{name: rows[::_STEP] for name, rows in inputs.items()} for inputs in calibration.sets]
    expected = [_run(float32, inputs) for inputs in sets]
    best, least = None, np.full(2, np.inf)
    for each in tried:
        off = [np.abs(_run(each.data, inputs) - mean) / spread for inputs, mean in zip(sets, expected)]
        errors = np.max([(part.max(), part.mean()) for part in off], axis=0)
        if best is None or np.max(errors / aims) < BETTER * np.max(least / aims):
            best, least = each, errors
        if np.all(least <= each.enough):
            break
    assert best is not None
    return best


def _run(data: bytes, inputs: Arrays) -> np.ndarray:
    """The means that a file gives, by its first signature."""
    name, details = next(iter(signatures(data).items()))
    with recipes.quiet():
        interpreter = package("ai_edge_litert.interpreter").Interpreter(model_content=data, num_threads=1)
        decode = interpreter.get_signature_runner(name)
        outputs = [decode(**block) for block in recipes.blocks(inputs, details["inputs"])]
        return np.concatenate([next(iter(output.values())) for output in outputs])
