"""The results of the proof, as a table and as `report.json`."""

from __future__ import annotations

import math
import os
import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfvae.export.gates import Gate, of
from tfvae.export.proof import Row

_REFERENCE = "decoder.tflite"
_HEADER = ["file", "bytes", "ratio", "max err", "mean err", "PSNR dB", "ELBO", "XNNPACK", "us, 1 thread", "2 threads"]
_NOTE = (
    "Errors are those of the mean of p(x|z) on the worse of prior and posterior latents, relative to the range of the\n"
    "data or the scale of p(x|z); ELBO is the relative change; us is the time of a call here, median/95 % quantile."
)


def table(rows: Sequence[Row], gates: Mapping[str, Gate]) -> str:
    """Figures in aligned columns, at most 120 characters wide, then errors of other signatures, and aims.

    Args:
      rows: of the files.
      gates: their aims are shown.
    """
    whole = next((row.bytes for row in rows if row.file == _REFERENCE), None)
    cells = [_HEADER, *(_cells(row, whole) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in cells]
    for row in rows:
        if row.others:
            lines.append(f"{row.file}: " + ", ".join(f"{name} {error:.1e}" for name, error in row.others.items()))
    for name, aim in _aims(rows, gates).items():
        lines.append(f"aim {name} {aim['aim']:g}: {aim['measured']:.3g}, {'reached' if aim['reached'] else 'missed'}")
    return "\n".join([*lines, _NOTE])


def to_dict(rows: Sequence[Row], gates: Mapping[str, Gate]) -> dict[str, Any]:
    """The content of `report.json`: figures of each file, gates, aims and whether they are reached, and the machine."""
    return {
        "files": {row.file: {"kind": row.kind, **row.to_dict()} for row in rows},
        "gates": {f"{row.kind}.{name}": gate.most for row in rows for name, gate in of(row.kind, gates).items()},
        "aims": _aims(rows, gates),
        "machine": {"cpu": _cpu(), "cores": os.cpu_count(), "system": platform.platform()},
        "note": "Latencies were measured on this machine under its load at that time. Errors of means are divided by "
        "the range of the data, or by the scale of p(x|z).",
    }


def _cells(row: Row, whole: int | None) -> list[str]:
    figures = row.figures
    psnr = min((error.psnr for error in row.error.values()), default=None)
    return [
        row.file,
        f"{row.bytes:,}",
        f"{row.bytes / whole:.2f}" if whole and row.file.endswith(".tflite") else "-",
        _number(figures.get("max"), ".1e"),
        _number(figures.get("mean"), ".1e"),
        _number(psnr, ".1f"),
        _number(figures.get("elbo"), ".1e"),
        _number(row.delegated, ".0%"),
        *(_latency(row.latency_us.get(threads)) for threads in ("1", "2")),
    ]


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _latency(spread: Mapping[str, float] | None) -> str:
    return "-" if spread is None else f"{spread['p50']:,.0f}/{spread['p95']:,.0f}"


def _aims(rows: Sequence[Row], gates: Mapping[str, Gate]) -> dict[str, dict[str, Any]]:
    return {
        f"{row.kind}.{name}": {
            "aim": gate.aim,
            "measured": row.figures.get(name, math.nan),
            "reached": row.figures.get(name, math.nan) <= gate.aim,
        }
        for row in rows
        for name, gate in of(row.kind, gates).items()
        if gate.aim is not None
    }


def _cpu() -> str:
    path = Path("/proc/cpuinfo")  # Linux only
    names = (
        re.findall(r"^model name\s*:\s*(.+)$", path.read_text(encoding="utf-8"), re.MULTILINE) if path.is_file() else []
    )
    return names[0] if names else platform.processor() or platform.machine()
