"""The setuptools command: runs ninja, and copies the results into the wheel or the editable install."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension
from setuptools.command.build_ext import build_ext

from csrc.building import facts, ninja_file

_FACTS = "_build.json"


def extensions() -> list[Extension]:
    """The two libraries; empty if the native code is not built."""
    try:
        build_native = facts.wants_native()
        facts.switch("TFVAE_CUDA")
    except facts.BuildError as error:
        sys.exit(f"tfvae: {error}")
    if not build_native:
        return []
    # ninja compiles the sources; they are listed here so that a source distribution includes them.
    return [
        Extension(f"tfvae.{ninja_file.OPS}", _listed(ninja_file.OPS)),
        Extension(ninja_file.KERNELS, _listed(ninja_file.KERNELS)),
    ]


class BuildNative(build_ext):
    """Builds both libraries with ninja, and writes `_build.json`, the facts of the build, next to the first."""

    def build_extensions(self) -> None:
        try:
            folder = build(self.distribution.get_version())
        except facts.BuildError as error:
            sys.exit(f"tfvae: {error}")
        for extension in self.extensions:
            target = Path(self.get_ext_fullpath(extension.name))
            target.parent.mkdir(parents=True, exist_ok=True)
            _replace(folder / f"{extension.name.rpartition('.')[2]}.so", target)
        _replace(folder / _FACTS, Path(self.build_lib, "tfvae", _FACTS))

    def get_ext_filename(self, fullname: str) -> str:
        # Loaded by TensorFlow, not by Python, so the name has no Python tag.
        if fullname.rpartition(".")[2] == ninja_file.OPS:
            return f"{fullname.replace('.', os.sep)}.so"
        return str(super().get_ext_filename(fullname))

    def copy_extensions_to_source(self) -> None:
        super().copy_extensions_to_source()
        _replace(Path(self.build_lib, "tfvae", _FACTS), ninja_file.ROOT / "tfvae" / _FACTS)

    def get_outputs(self) -> list[str]:
        facts_file = [str(Path(self.build_lib, "tfvae", _FACTS))] if self.extensions else []
        return [*super().get_outputs(), *facts_file]


def build(version: str) -> Path:
    """Compiles what changed; returns the folder with both libraries and `_build.json`."""
    cuda = facts.cuda()
    folder = ninja_file.ROOT / "build" / "native" / f"{sysconfig.get_config_var('SOABI')}"
    ninja_file.write(folder / "build.ninja", cuda)
    run_ninja(folder)
    (folder / _FACTS).write_text(json.dumps(_described(version, cuda), indent=2) + "\n", encoding="utf-8")
    return folder


def run_ninja(folder: Path, *targets: str) -> None:
    """Runs ninja in a folder that has a ninja file."""
    done = subprocess.run([sys.executable, "-m", "ninja", "-C", folder, f"-j{_jobs()}", *targets], check=False)
    if done.returncode:
        raise facts.BuildError(
            "the native code did not compile (see the output above); set TFVAE_NATIVE=0 to install without it."
        )


def _jobs() -> int:
    # Compiling the largest file takes 1.8 GB of memory.
    memory = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(encoding="utf-8"))
    memory_limit = int(memory[1]) // 2_000_000 if memory else 1
    return max(1, min(len(os.sched_getaffinity(0)), memory_limit))


def _listed(library: str) -> list[str]:
    return [str(source.relative_to(ninja_file.ROOT)) for source in ninja_file.sources(library, None)]


def _described(version: str, cuda: facts.Cuda | None) -> dict[str, object]:
    return {
        "tfvae": version,
        "tensorflow": facts.tensorflow().version,
        "commit": facts.commit(ninja_file.ROOT),
        "cuda": cuda.version if cuda else None,
        "architectures": [f"sm_{number}" for number in cuda.architectures] if cuda else [],
        "compiler": facts.compiler_version(),
        "python": platform.python_version(),
    }


def _replace(source: Path, target: Path) -> None:
    """Copies to a temporary name, then renames, so that a process that has the old library open keeps it intact."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.new")
    shutil.copy(source, fresh)
    fresh.replace(target)
