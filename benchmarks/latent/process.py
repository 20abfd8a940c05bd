"""Runs a section in its own process, so that it shares no threads, compiled functions or memory with another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfvae.errors import UserError

_ROOT = Path(__file__).parents[2]


def own_process(module: str, *arguments: object, gpu: bool = False, **environment: str) -> Any:
    """The result of `python -m benchmarks.latent.<module>`.

    Args:
      module: a module of this package that ends with `answer`.
      arguments: its command line.
      gpu: make the GPUs visible to it.
      environment: additional variables.

    Raises:
      UserError: it failed; with the reason.
    """
    hidden = {} if gpu else {"CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.latent.{module}", *map(str, arguments)],
        cwd=_ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **hidden, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}."]
        raise UserError(f"benchmarks.latent.{module}: {said[-1].removeprefix('tfvae: ')}")
    return json.loads(done.stdout.splitlines()[-1])


def answer(make: Callable[[], Any]) -> int:
    """Prints the result of `make` for `own_process` to read; on failure, exit status 2 and a message."""
    try:
        print(json.dumps(make()))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0
