"""Another process, which has never seen tfvae, runs the files over arrays."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tfvae.errors import UserError


def run(program: str, work: Path, inputs: Mapping[str, np.ndarray], files: Sequence[Path]) -> None:
    """Runs a program of this folder over files; what it found is then in `work`.

    Args:
      program: `litert_child` or `saved_model_child`.
      work: a folder for what goes there and back.
      inputs: arrays as `SIGNATURE/INPUT`, and those that any signature takes by the input's name.
      files: what to run.

    Raises:
      UserError: a file that cannot be loaded or run there, with the program's last line.
    """
    np.savez(work / "inputs.npz", allow_pickle=False, **inputs)
    script = Path(__file__).parent / f"{program}.py"
    # Isolated: neither the current folder nor PYTHONPATH can lend it anything.
    command = [sys.executable, "-I", str(script), str(work), *map(str, files)]
    # On the CPU: a GPU is held by this process already, and computes in fewer digits.
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment)
    if ended.returncode:
        lines = ended.stderr.strip().splitlines()
        reason = lines[-1] if lines else f"it ended with status {ended.returncode}."
        raise UserError(f"{', '.join(file.name for file in files)}: fails in a process without tfvae: {reason}")
