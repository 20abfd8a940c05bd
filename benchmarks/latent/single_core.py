"""The cost per element on one core, with Philox and Box-Muller, through the bindings: no framework, one thread."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.latent import timing
from benchmarks.latent.process import answer
from tfvae.errors import UserError

_SHAPE = (4096, 128)


def measure(rounds: int) -> dict[str, Any]:
    """Nanoseconds per element of the forward and of the backward pass, for the instruction set in use."""
    try:
        import _tfvae_kernels as kernels

        isa = kernels.isa()
    except (ImportError, ValueError) as error:
        raise UserError(str(error)) from error
    draw = np.random.default_rng(0)
    mean, log_var, d_z = (draw.normal(scale=0.5, size=_SHAPE).astype(np.float32) for _ in range(3))
    d_kl = np.ones(_SHAPE[0], np.float32)

    def forward(index: int) -> Any:
        return kernels.sample_and_kl(mean, log_var, key=7, counter=(0, index << 16), threads=1)

    def backward(index: int) -> Any:
        return kernels.sample_and_kl_grad(
            mean, log_var, key=7, counter=(0, index << 16), threads=1, d_z=d_z[None], d_kl=d_kl
        )

    _warm(forward)
    calls: dict[str, Callable[[int], Any]] = {"forward": forward, "backward": backward}
    seconds = timing.interleaved(calls, dict.fromkeys(calls, rounds))
    per_element = {name: timing.spread(1e9 * each / mean.size) for name, each in seconds.items()}
    return {"isa": isa, "shape": list(_SHAPE), "rounds": rounds, "ns_per_element": per_element}


def _warm(call: Callable[[int], Any]) -> None:
    # An idle core takes a while to reach its full clock speed.
    start = time.perf_counter()
    while time.perf_counter() - start < 0.3:
        call(0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    return answer(lambda: measure(options.rounds))


if __name__ == "__main__":
    sys.exit(main())
