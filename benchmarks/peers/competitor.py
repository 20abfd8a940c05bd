"""The parent's end of the pipe, and the competitors of each problem."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from tfvae.errors import UserError

_ROOT = Path(__file__).parents[2]


class Entrant(NamedTuple):
    """One way to train.

    Attributes:
      name: of the row.
      group: its framework: `tfvae`, `fit`, `PyTorch` or `JAX`.
      module: of this package.
      setting: the module's name for it.
      root: of the checkout that it runs from.
    """

    name: str
    group: str
    module: str
    setting: str
    root: Path = _ROOT


def entrants(family: str) -> list[Entrant]:
    """All competitors for a family of networks."""
    # The opposite of what `auto` chooses, to measure that choice.
    contrary = "on" if family == "conv" else "off"
    jax = [Entrant("JAX, a step a call", "JAX", "jax_scan", "step")]
    if family == "mlp":
        # XLA runs convolutions inside a loop on one thread, hundreds of times slower: nobody would train that way.
        jax.append(Entrant("JAX, scan", "JAX", "jax_scan", "scan"))
    return [
        Entrant("tfvae", "tfvae", "tfvae_loop", "auto"),
        Entrant(f"tfvae, jit={contrary}", "tfvae", "tfvae_loop", f"jit={contrary}"),
        Entrant("tfvae, latent=plain", "tfvae", "tfvae_loop", "latent=plain"),
        Entrant("fit, as it comes", "fit", "keras_fit", "default"),
        Entrant("fit, several steps, tf.data", "fit", "keras_fit", "several-nojit-tfdata"),
        Entrant("fit, jit, tf.data", "fit", "keras_fit", "jit-tfdata"),
        Entrant("fit, several steps, jit, tf.data", "fit", "keras_fit", "several-jit-tfdata"),
        Entrant("PyTorch, eager", "PyTorch", "pytorch", "eager"),
        Entrant("PyTorch, compile", "PyTorch", "pytorch", "compile"),
        *jax,
    ]


def versions(before: Path) -> list[Entrant]:
    """tfvae as it is here, and as it is in another checkout of it, with its compiled op."""
    return [
        Entrant("tfvae", "tfvae", "tfvae_loop", "auto"),
        Entrant("tfvae, the other checkout", "tfvae", "tfvae_loop", "auto", before.resolve()),
    ]


class Competitor:
    """A process that trains one round at a time, and sleeps in between.

    Args:
      entrant: the competitor.
      arguments: of the command line that `child.serve` reads, besides the setting.

    Attributes:
      answers: its answer after each round, `{"loss": …}` and other facts.

    Raises:
      UserError: it ended; with its last output.
    """

    def __init__(self, entrant: Entrant, *arguments: object) -> None:
        self._name, self.answers = entrant.name, list[dict[str, Any]]()
        # A file, because a pipe that nobody reads fills up and blocks the writer.
        self._said = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - it lives as long as the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.peers.{entrant.module}", "--setting", entrant.setting]
            + [str(argument) for argument in arguments],
            cwd=entrant.root,
            env={
                **os.environ,
                "PYTHONPATH": str(entrant.root),
                "TF_CPP_MIN_LOG_LEVEL": "3",
                "CUDA_VISIBLE_DEVICES": "-1",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )
        self._answer()

    def round(self) -> None:
        """Trains one round; returns when it is done."""
        assert self._process.stdin
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        self.answers.append(self._answer())

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate()
        self._said.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        if line := self._process.stdout.readline():
            answer: dict[str, Any] = json.loads(line)
            return answer
        self._process.communicate()
        self._said.seek(0)
        said = self._said.read().strip().splitlines() or ["it ended without a word"]
        self._said.close()
        raise UserError(f"{self._name}: {said[-1]}")
