"""Describes the machine of the measurements."""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata
from pathlib import Path
from typing import Any

_PACKAGES = (
    "tensorflow",
    "keras",
    "tensorflow-probability",
    "numpy",
    "ai-edge-litert",
    "litert-quantizer",
    "jax",
    "torch",
)


def facts() -> dict[str, Any]:
    """Processor, cores, memory, system, and package versions."""
    return {
        "cpu": cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "system": platform.platform(),
        "versions": {"python": platform.python_version(), **_installed()},
    }


def cpu() -> str:
    """The name of the processor."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    known = dict(re.findall(r"^(model name|cpu family|model)\s*:\s*(.+)$", info, re.MULTILINE))
    if "model name" not in known:
        return platform.machine()
    # A virtual machine may report only the vendor.
    return f"{known['model name']} (family {known['cpu family']}, model {known['model']})"


def _installed() -> dict[str, str]:
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
