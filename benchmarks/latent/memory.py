"""Memory that a call needs beyond its outputs: the peak of the process while it runs, as counted by the kernel.

The first call of a size is measured, because later ones reuse memory that earlier ones left in the allocator. Under
TensorFlow the first call leaves memory resident that is not output and that a second call does not need again; its
origin was not traced, and it is counted. The bindings have no framework to count.
"""

from __future__ import annotations

import argparse
import gc
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.latent import cases
from benchmarks.latent.cases import Case
from benchmarks.latent.process import answer, own_process
from benchmarks.latent.providers import providers

BINDINGS = "fused, bindings"
CASES = (Case((262144, 128)), Case((131072, 128), "correlated"))
QUICK = (Case((65536, 64)),)
_NAMES = {
    "standard": (BINDINGS, "fused, graph", "fused, jit", "formula, graph", "formula, jit", "TFP, graph"),
    "correlated": ("fused, graph", "product, graph"),
}


def rows(quick: bool, threads: int) -> list[dict[str, Any]]:
    """Bytes for each provider and mode, each in its own process, because allocators do not release memory."""
    return [
        own_process("memory", "--quick" if quick else "--no-quick", "--threads", threads, index, mode, name)
        for index, case in enumerate(QUICK if quick else CASES)
        for mode in cases.MODES
        for name in _NAMES[case.prior][: 2 if quick else None]
    ]


def measure(case: Case, mode: str, name: str) -> dict[str, Any]:
    """Bytes of the outputs, and by how much more the process grew while computing them; or why it failed."""
    row = {"case": case.name, "mode": mode, "name": name}
    try:
        # A first small call allocates what any call needs: threads, kernels, compilers.
        _call(replace(case, shape=(8, *case.shape[1:])), mode, name)()
        call = _call(case, mode, name)
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # resets the peak
        before = _status("VmRSS")
        outputs = call()
    except tf.errors.OpError as error:
        return {**row, "failed": str(error.message).splitlines()[0]}
    size = sum(memoryview(output).nbytes for output in outputs)
    return {**row, "outputs": size, "extra": _status("VmHWM") - before - size}


def _call(case: Case, mode: str, name: str) -> Callable[[], tuple[Any, ...]]:
    given, step = cases.inputs(case), tf.constant(1, tf.int64)
    if name == BINDINGS:
        return _by_bindings(given, mode)
    chosen = next(each for each in providers(case, cases.prior(case), mode) if each.name == name)
    return lambda: chosen.call(given, step)


def _by_bindings(given: cases.Inputs, mode: str) -> Callable[[], tuple[np.ndarray, ...]]:
    import _tfvae_kernels as kernels

    mean, log_var, d_z, d_kl = (np.asarray(memoryview(value)) for value in given)
    address = {"key": 7, "counter": (0, 1 << 16)}

    def call() -> tuple[np.ndarray, ...]:
        outputs = kernels.sample_and_kl(mean, log_var, **address)[:2]
        if mode == cases.FORWARD:
            return outputs
        return *outputs, *kernels.sample_and_kl_grad(mean, log_var, **address, d_z=d_z, d_kl=d_kl)[:2]

    return call


def _status(name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    assert found is not None
    return 1024 * int(found[1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action=argparse.BooleanOptionalAction, help="of the small cases")
    parser.add_argument("--threads", type=int, default=2, help="of TensorFlow (default: 2)")
    parser.add_argument("case", type=int, help="which of the cases, from 0")
    parser.add_argument("mode", choices=cases.MODES)
    parser.add_argument("name", help="of the provider")
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    case = (QUICK if options.quick else CASES)[options.case]
    return answer(lambda: measure(case, options.mode, options.name))


if __name__ == "__main__":
    sys.exit(main())
