"""`python -m benchmarks.training`: compares the training speed of tfvae, `keras.Model.fit`, PyTorch and JAX.

Writes `training.json` and `training.md` to `benchmarks/results/`. It takes about 15 minutes on an idle machine; with
other load the figures are meaningless. PyTorch and JAX take part if they are installed: `pip install .[peers]`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.latent import machine
from benchmarks.peers import memory, targets
from benchmarks.peers.competitor import Entrant, entrants, versions
from benchmarks.peers.problem import BATCH, PROBLEMS
from benchmarks.peers.race import race
from benchmarks.peers.report import markdown
from benchmarks.results import FOLDER, keep
from tfvae.command import guarded, parsed


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--data", help="folder that holds mnist.npz in Keras's layout, instead of a download")
    parser.add_argument("--quick", action="store_true", help="few rounds of few steps, to see that it runs")
    parser.add_argument("--memory", action="store_true", help="10,000 steps of tfvae alone, and what memory they take")
    parser.add_argument(
        "--against", metavar="DIR", type=Path, help="another checkout of tfvae, built: race it alone, and keep nothing"
    )
    parser.add_argument("--threads", type=int, default=2, help="of each competitor (default: 2)")
    parser.add_argument("--out", type=Path, default=FOLDER, help=f"folder of the results (default: {FOLDER})")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    options = parsed(parser, arguments)
    if options.memory:
        return guarded(lambda: _memory(options.quick), options.debug)
    if options.against:
        return guarded(lambda: _against(options), options.debug)
    return guarded(lambda: _run(options.data, options.quick, options.threads, options.out), options.debug)


def _run(data: str | None, quick: bool, threads: int, out: Path) -> None:
    results = measure(data, quick, threads)
    keep(results, markdown(results), "training", out)


def _against(options: argparse.Namespace) -> None:
    """Prints how long the other checkout takes for what this one does, round by round in turn."""
    for problem in races(options.data, options.quick, options.threads, lambda family: versions(options.against)):
        here, there = problem["rows"]
        low, ratio, high = (there["times_as_long_as_tfvae"][key] for key in ("low", "median", "high"))
        print(
            f"{problem['title']}: {options.against} takes {ratio:.3f} times as long as this checkout, spread "
            f"{low:.3f} to {high:.3f}, {problem['rounds']} rounds of {problem['steps']} steps; steps a second here "
            f"{here['steps_per_second']['median']:.0f}, there {there['steps_per_second']['median']:.0f}."
        )
    print(f"Machine: {machine.cpu()}.")


def races(data: str | None, quick: bool, threads: int, enter: Callable[[str], list[Entrant]]) -> list[dict[str, Any]]:
    """A race for each problem, between those who enter for its family of networks."""
    from tfvae.data import keras_sets

    examples = keras_sets.read("mnist", data).train.x
    start, problems = time.perf_counter(), []
    for name, problem in PROBLEMS.items():
        print(f"{time.perf_counter() - start:5.0f} s  {problem.title}", flush=True)
        steps, rounds = (2, 2) if quick else (problem.steps, 15)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "examples.npy"
            np.save(file, examples[: steps * BATCH, ..., 0])
            problems.append(race(name, enter(problem.family), str(file), steps, rounds, threads))
    return problems


def measure(data: str | None, quick: bool, threads: int) -> dict[str, Any]:
    """What `training.json` holds."""
    problems = races(data, quick, threads, entrants)
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
