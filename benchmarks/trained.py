"""Trains a preset to the end, for the benchmarks that compare presets."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tfvae.errors import UserError


def report_of(preset: str, run: Path, settings: list[str]) -> dict[str, Any]:
    """The report of a new run of `python -m tfvae.train`.

    Raises:
      UserError: the command failed; it has printed why.
    """
    command = [sys.executable, "-m", "tfvae.train", "--preset", preset, "--out", str(run)]
    # One process each, so that no run shares devices, caches or precision with another.
    status = subprocess.run([*command, "--set", *settings] if settings else command, check=False).returncode
    if status:
        raise UserError(f"{preset}: training ended with status {status}; see above.")
    report: dict[str, Any] = json.loads((run / "report.json").read_text(encoding="utf-8"))
    return report
