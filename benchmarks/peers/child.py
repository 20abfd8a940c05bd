"""The competitor's end of the pipe: trains one round at each request of the parent, and is idle in between."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.peers.problem import PROBLEMS, Problem
from tfvae.errors import UserError

EndOfRound = Callable[..., None]
Train = Callable[[Problem, np.ndarray, str, EndOfRound], None]


def serve(train: Train, use_threads: Callable[[int], None]) -> int:
    """The command line of a competitor.

    Args:
      train: of the problem, its examples uint8 `[n, 28, 28]`, the setting's name, and what to call with the mean loss
        when a round is done (and once before the first): it waits there for the parent's word.
      use_threads: sets how many the framework may use; called first.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problem", choices=PROBLEMS, required=True)
    parser.add_argument("--setting", required=True, help="which of the framework's ways")
    parser.add_argument("--data", required=True, help="a .npy file of the examples")
    parser.add_argument("--steps", type=int, required=True, help="of a round")
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    # Frameworks print to standard output, so the answers use another file descriptor.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def end_of_round(loss: float | None = None, **facts: Any) -> None:
        print(json.dumps({"loss": loss, **facts}), file=answers, flush=True)
        if not sys.stdin.readline():
            os._exit(0)  # the parent has all results; a normal exit of the frameworks takes seconds

    problem = replace(PROBLEMS[options.problem], steps=options.steps)
    try:
        use_threads(options.threads)
        train(problem, np.load(options.data), options.setting, end_of_round)
    except ModuleNotFoundError as error:
        print(f"{error.name} is not installed: pip install .[peers]", file=sys.stderr)
        return 2
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0
