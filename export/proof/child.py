"""Runs the files on arrays in another process, without tfvae."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tfvae.errors import UserError


def run(program: str, work: Path, inputs: Mapping[str, np.ndarray], files: Sequence[Path]) -> None:
    """Runs a program of this folder on files; its results are written to `work`.

    Args:
      program: `litert_child` or `saved_model_child`.
      work: a folder for inputs and results.
      inputs: arrays as `SIGNATURE/INPUT`; those for every signature by the input's name.
      files: what to run.

    Raises:
      UserError: a file cannot be loaded or run; the message has the program's last line.
    """
    np.savez(work / "inputs.npz", allow_pickle=False, **inputs)
    script = Path(__file__).parent / f"{program}.py"
    # Isolated (-I): it imports nothing from the current folder or PYTHONPATH.
    command = [sys.executable, "-I", str(script), str(work), *map(str, files)]
    # On the CPU: this process already holds the GPU, which may also compute with lower precision.
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment)
    if ended.returncode:
        lines = ended.stderr.strip().splitlines()
        reason = lines[-1] if lines else f"it ended with status {ended.returncode}."
        raise UserError(f"{', '.join(file.name for file in files)}: fails in a process without tfvae: {reason}")
