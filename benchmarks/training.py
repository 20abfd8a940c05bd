"""`python -m benchmarks.training`: compares the training speed of tfvae, `keras.Model.fit`, PyTorch and JAX.

Writes `training.json` and `training.md` to `benchmarks/results/`. It takes about 15 minutes on an idle machine; with
other load the figures are meaningless. PyTorch and JAX take part if they are installed: `pip install .[peers]`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.latent import machine
from benchmarks.peers import memory, targets
from benchmarks.peers.competitor import entrants
from benchmarks.peers.problem import BATCH, PROBLEMS
from benchmarks.peers.race import race
from benchmarks.peers.report import markdown
from benchmarks.results import FOLDER, keep
from tfvae.command import guarded


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--data", help="folder that holds mnist.npz in Keras's layout, instead of a download")
    parser.add_argument("--quick", action="store_true", help="few rounds of few steps, to see that it runs")
    parser.add_argument("--memory", action="store_true", help="10,000 steps of tfvae alone, and what memory they take")
    parser.add_argument("--threads", type=int, default=2, help="of each competitor (default: 2)")
    parser.add_argument("--out", type=Path, default=FOLDER, help=f"folder of the results (default: {FOLDER})")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    options = parser.parse_args(arguments)
    if options.memory:
        return guarded(lambda: _memory(options.quick), options.debug)
    return guarded(lambda: _run(options.data, options.quick, options.threads, options.out), options.debug)


def _run(data: str | None, quick: bool, threads: int, out: Path) -> None:
    results = measure(data, quick, threads)
    keep(results, markdown(results), "training", out)


def measure(data: str | None, quick: bool, threads: int) -> dict[str, Any]:
    """The content of `training.json`."""
    from tfvae.data import keras_sets

    examples = keras_sets.read("mnist", data).train.x
    start, problems = time.perf_counter(), []
    for name, problem in PROBLEMS.items():
        print(f"{time.perf_counter() - start:5.0f} s  {problem.title}", flush=True)
        steps, rounds = (2, 2) if quick else (problem.steps, 15)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "examples.npy"
            np.save(file, examples[: steps * BATCH, ..., 0])
            problems.append(race(name, entrants(problem.family), str(file), steps, rounds, threads))
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": quick,
        "threads": threads,
        "batch": BATCH,
        "machine": machine.facts(),
        "problems": problems,
        "targets": targets.judge(problems),
    }


def _memory(quick: bool) -> None:
    sizes = memory.resident(10, 10 if quick else 1000, lambda line: print(line, flush=True))
    print(f"Growth after the second line: {(sizes[-1] - sizes[1]) / 2**20:.1f} MiB.")


if __name__ == "__main__":
    sys.exit(main())
