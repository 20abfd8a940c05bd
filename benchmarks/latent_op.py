"""`python -m benchmarks.latent_op`: compares the speed of the fused latent op with TensorFlow's own ops.

Writes `latent_op.json` and `latent_op.md` to `benchmarks/results/`. It takes about ten minutes on an idle machine;
with other load the figures are meaningless.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.latent import cases, gpu, machine, memory, targets, timing
from benchmarks.latent.bandwidth import copy_bandwidth
from benchmarks.latent.process import own_process
from benchmarks.latent.report import markdown
from benchmarks.results import FOLDER, keep
from tfvae import native
from tfvae.command import guarded, parsed
from tfvae.errors import UserError

_ISAS = ("neon",) if platform.machine() == "aarch64" else ("avx512", "avx2", "portable")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latent_op", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds of small cases, to see that it runs")
    parser.add_argument("--threads", type=int, default=2, help="of TensorFlow and of the copy (default: 2)")
    parser.add_argument("--out", type=Path, default=FOLDER, help=f"folder of the results (default: {FOLDER})")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    options = parsed(parser, arguments)
    return guarded(lambda: _run(options.quick, options.threads, options.out), options.debug)


def _run(quick: bool, threads: int, out: Path) -> None:
    # The GPU has its own section and process.
    tf.config.set_visible_devices([], "GPU")
    there, reason = native.available()
    if not there:
        raise UserError(f"there is nothing to time: {reason}.")
    results = measure(quick, threads)
    keep(results, markdown(results), "latent_op", out)


def measure(quick: bool, threads: int) -> dict[str, Any]:
    """All sections, each in its own processes: the content of `latent_op.json`."""
    start = time.perf_counter()

    def say(what: str) -> None:
        print(f"{time.perf_counter() - start:5.0f} s  {what}", flush=True)

    size, rounds = (2**24, 3) if quick else (2**28, 15)
    say("copy")
    copied = copy_bandwidth(threads, size, rounds)
    timings = []
    for index, case in enumerate(cases.QUICK if quick else cases.CASES):
        say(case.name)
        timings += own_process("rows", "--case", index, "--threads", threads, *["--quick"] * quick)
    say("one core")
    single = [each for isa in _ISAS if (each := _on_one_core(isa, 5 if quick else 100))]
    say("memory")
    taken = memory.rows(quick, threads)
    say("GPU")
    on_gpu = {name: own_process("gpu", name, gpu=True) for name in gpu.FRAMEWORKS}
    copied = np.concatenate([copied, copy_bandwidth(threads, size, rounds)])
    results = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": quick,
        "threads": threads,
        "machine": machine.facts(),
        "library": native.facts(),
        "copy": {"bytes": size, "bytes_per_second": timing.spread(copied)},
        "timings": timings,
        "single_core": single,
        "memory": taken,
        "gpu": on_gpu,
    }
    return {**results, "targets": targets.judge(results)}


def _on_one_core(isa: str, rounds: int) -> dict[str, Any] | None:
    """The figures of an instruction set; None if this processor lacks it."""
    try:
        measured: dict[str, Any] = own_process("single_core", "--rounds", rounds, TFVAE_ISA=isa)
    except UserError as error:
        if "TFVAE_ISA" in str(error):
            return None
        raise
    return measured


if __name__ == "__main__":
    sys.exit(main())
