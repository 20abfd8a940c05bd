"""`python -m benchmarks.scaling`: estimates training on several machines, for the `large` residual networks.

Nothing is timed. Parameters and operations are counted from the networks; the speeds of GPUs and links are assumed.

    t(1) = 3 F b / r                                F operations forward an example, b examples, r operations a second
    t(n) = t(1) + 2 (n-1)/n 4 P / w + 2 (n-1) a     P float32 gradients, ring of links of w bytes/s, a seconds a hop

The backward pass needs twice the operations of the forward pass. The gradient is all-reduced once it is complete, so
that communication does not overlap with computation.
"""

from __future__ import annotations

import itertools
import math
import sys
from typing import NamedTuple

import keras

from tfvae import networks
from tfvae.config.network import Resnet

SHAPES = ((32, 32, 3), (64, 64, 3))
EXAMPLES = (256, 2048)  # per GPU and step
KEPT = 0.3  # assumed: the share of the data sheet's peak that small convolutions reach
PEAKS = {"A100, TF32": 156e12, "H100, bfloat16": 989e12}  # operations per second
SECONDS_A_HOP = 5e-6  # assumed
TARGET = 0.9
GIGABITS = (10, 25, 100, 400)


class Size(NamedTuple):
    """Number of trained parameters, and of forward operations (multiplications and additions) per example."""

    parameters: int
    operations: float


def main() -> int:
    """Prints the tables of docs/distributed.md."""
    print("| images | parameters | all-reduced a step | each of 8 sends | each of 64 sends | forward, an example |")
    print("|---|---|---|---|---|---|")
    sizes = {shape: measure(shape) for shape in SHAPES}
    for shape, size in sizes.items():
        volumes = [f"{volume / 1e6:.1f} MB" for volume in (4 * size.parameters, sent(size, 8), sent(size, 64))]
        print(f"| {_name(shape)} | {size.parameters:,} | {' | '.join(volumes)} | {size.operations / 1e9:.2f} GFLOP |")
    columns = ["images", "GPU", "examples", "t(1)", "8 need", "64 need", *(f"64 at {g} Gbit/s" for g in GIGABITS)]
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for (shape, size), (gpu, peak), examples in itertools.product(sizes.items(), PEAKS.items(), EXAMPLES):
        alone = 3 * size.operations * examples / (KEPT * peak)
        row = [_name(shape), gpu, f"{examples:,}", f"{1e3 * alone:.1f} ms"]
        row += [_gigabits(needed(size, alone, n)) for n in (8, 64)]
        row += [f"{100 * efficiency(size, alone, 64, g * 1e9 / 8):.0f} %" for g in GIGABITS]
        print(f"| {' | '.join(row)} |")
    return 0


def measure(shape: tuple[int, ...]) -> Size:
    """Counts the networks of the variant."""
    models = networks.build(Resnet(variant="large"), shape, ("logits",))
    operations = sum(_operations(layer) for model in models for layer in model.layers)
    return Size(sum(model.count_params() for model in models), operations)


def _operations(layer: keras.Layer) -> float:
    # Normalisation, activations and copies are left out: they are a few per cent, and memory-bound.
    if isinstance(layer, keras.layers.Conv2D):
        return 2.0 * math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:3])
    return 2.0 * math.prod(layer.kernel.shape) if isinstance(layer, keras.layers.Dense) else 0.0


def sent(size: Size, gpus: int) -> float:
    """Bytes that each GPU of a ring sends in a step."""
    return 2 * (gpus - 1) / gpus * 4 * size.parameters


def efficiency(size: Size, alone: float, gpus: int, bytes_a_second: float) -> float:
    """t(1) / t(n)."""
    return alone / (alone + sent(size, gpus) / bytes_a_second + 2 * (gpus - 1) * SECONDS_A_HOP)


def needed(size: Size, alone: float, gpus: int) -> float | None:
    """The link speed in bytes per second needed for t(1) / t(n) to reach the target; None: hop latency prevents it."""
    left = alone * (1 / TARGET - 1) - 2 * (gpus - 1) * SECONDS_A_HOP
    return sent(size, gpus) / left if left > 0 else None


def _gigabits(bytes_a_second: float | None) -> str:
    return "none is enough" if bytes_a_second is None else f"{bytes_a_second * 8 / 1e9:,.0f} Gbit/s"


def _name(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


if __name__ == "__main__":
    sys.exit(main())
