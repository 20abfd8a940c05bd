"""`python -m benchmarks.decoder`: latency and size of each form of a decoder.

Keras call, `tf.function` with and without XLA, SavedModel and each TFLite file at one and two threads, batches of 1
and 32. Writes `decoder.json` and `decoder.md` to `benchmarks/results/`. It takes about three minutes on two idle
cores; with other load the figures are meaningless.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.latent import machine
from benchmarks.results import FOLDER, keep
from tfvae.command import guarded, parsed
from tfvae.errors import UserError

PRESETS = ("mnist-2d", "mnist-conv", "cifar10-resnet")
BATCHES = (1, 32)
TURN = 0.05  # seconds


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decoder", description=__doc__)
    parser.add_argument("--presets", nargs="+", default=PRESETS, choices=PRESETS, help="whose decoders (default: all)")
    parser.add_argument(
        "--run", type=Path, nargs="+", metavar="RUN", help="the newest exported version of each run, instead of presets"
    )
    parser.add_argument("--rounds", type=int, default=20, help="in which everyone has a turn (default: 20)")
    parser.add_argument("--out", type=Path, default=FOLDER, help=f"folder of the results (default: {FOLDER})")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    options = parsed(parser, arguments)
    return guarded(lambda: _run(options.presets, options.run, options.rounds, options.out), options.debug)


def _run(names: list[str], runs: list[Path] | None, rounds: int, out: Path) -> None:
    if rounds < 1:
        raise UserError(f"--rounds {rounds}: want 1 or more.")
    from benchmarks.decoders.report import markdown

    results = measure(names, runs, rounds)
    keep(results, markdown(results), "decoder", out)


def measure(names: list[str], runs: list[Path] | None, rounds: int) -> dict[str, Any]:
    """The content of `decoder.json`."""
    from benchmarks.decoders import subject, targets
    from benchmarks.decoders.race import race

    start, decoders = time.perf_counter(), []
    with tempfile.TemporaryDirectory() as folder:
        made: Iterator[subject.Subject] = (subject.of_preset(name, BATCHES, Path(folder)) for name in names)
        for each in map(subject.of_run, runs) if runs else made:
            rows = []
            for batch in BATCHES:
                print(f"{time.perf_counter() - start:5.0f} s  {each.name}, batch {batch}", flush=True)
                rows += race(each, batch, rounds, TURN)
            vae = each.vae
            decoders.append(
                {
                    "name": each.name,
                    "trained": each.trained,
                    "parameters": vae.decoder.count_params(),
                    "latent_dim": vae.latent_dim,
                    "event_shape": list(vae.event_shape),
                    "rows": rows,
                }
            )
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "rounds": rounds,
        "turn": TURN,
        "machine": machine.facts(),
        "decoders": decoders,
        "targets": targets.judge(decoders),
    }


if __name__ == "__main__":
    sys.exit(main())
