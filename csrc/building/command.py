"""The setuptools command: runs ninja, and puts what it made where a wheel or an editable install wants it."""

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
    """The two libraries, or nothing where the native code is not to be built."""
    try:
        wanted = facts.wants_native()
        facts.switch("TFVAE_CUDA")
    except facts.BuildError as error:
        sys.exit(f"tfvae: {error}")
    if not wanted:
        return []
    # The sources are ninja's business; they are listed so that a source distribution carries them.
    return [
        Extension(f"tfvae.{ninja_file.OPS}", _listed(ninja_file.OPS)),
        Extension(ninja_file.KERNELS, _listed(ninja_file.KERNELS)),
    ]


class BuildNative(build_ext):
    """Builds both libraries with ninja, and writes the facts of the build beside the first."""

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
        # Loaded by TensorFlow and not by Python, so that no tag of Python stands in the name.
        if fullname.rpartition(".")[2] == ninja_file.OPS:
            return f"{fullname.replace('.', os.sep)}.so"
        return str(super().get_ext_filename(fullname))

    def copy_extensions_to_source(self) -> None:
        super().copy_extensions_to_source()
        _replace(Path(self.build_lib, "tfvae", _FACTS), ninja_file.ROOT / "tfvae" / _FACTS)

    def get_outputs(self) -> list[str]:
        facts_too = [str(Path(self.build_lib, "tfvae", _FACTS))] if self.extensions else []
        return [*super().get_outputs(), *facts_too]


def build(version: str) -> Path:
    """Compiles what changed; gives the folder with both libraries and the facts."""
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
        raise facts.BuildError("the native code did not compile, as said above; TFVAE_NATIVE=0 installs without it.")


def _jobs() -> int:
    # The largest file takes 1.8 GB.
    memory = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    room = int(memory[1]) // 2_000_000 if memory else 1
    return max(1, min(len(os.sched_getaffinity(0)), room))


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
    """Copies by rename: a process that has the old library open keeps it whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.new")
    shutil.copy(source, fresh)
    fresh.replace(target)
