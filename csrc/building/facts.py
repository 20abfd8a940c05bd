"""Properties of this machine that the build needs: the compiler, TensorFlow and CUDA."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_NEEDED = ("ninja", "pybind11", "tensorflow")
_ASK_TENSORFLOW = """
import json, tensorflow as tf
build = tf.sysconfig.get_build_info()
print()
print(json.dumps({
    "version": tf.__version__,
    "include": tf.sysconfig.get_include(),
    "library": tf.sysconfig.get_lib(),
    "flags": [flag for flag in tf.sysconfig.get_compile_flags() if not flag.startswith(("-I", "--std"))],
    "links": tf.sysconfig.get_link_flags(),
    "capabilities": list(build.get("cuda_compute_capabilities", [])),
}))
"""


class BuildError(Exception):
    """The native code was requested and cannot be built; the message is a sentence for the user."""


@dataclass(frozen=True)
class TensorFlow:
    """The TensorFlow installation that the library is built against."""

    version: str
    include: str
    library: str
    flags: list[str]
    links: list[str]
    capabilities: list[str]


@dataclass(frozen=True)
class Cuda:
    """The CUDA toolkit, and the architectures that it shares with TensorFlow, such as ("80", "90")."""

    nvcc: str
    version: str
    root: Path
    architectures: tuple[str, ...]


def switch(name: str) -> str:
    """The value of an environment variable that is auto, 0 or 1."""
    value = os.environ.get(name, "auto") or "auto"
    if value not in ("auto", "0", "1"):
        raise BuildError(f"{name}: got {value!r}, expected auto, 0 or 1.")
    return value


def wants_native() -> bool:
    """Whether to build the native code: depends on TFVAE_NATIVE and on the tools that are installed.

    Raises:
      BuildError: TFVAE_NATIVE=1 and a tool is missing.
    """
    setting = switch("TFVAE_NATIVE")
    if setting == "0":
        return False
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if not shutil.which(compiler()):
        missing.insert(0, f"the C++ compiler {compiler()} (set CXX to use another)")
    if not missing:
        return True
    reason = f"the native code needs {', '.join(missing)}, not found here"
    if setting == "1":
        raise BuildError(f"TFVAE_NATIVE=1, but {reason}; install what is missing, or set TFVAE_NATIVE=0.")
    print(f"tfvae: {reason}; installing without it: the latent op will use TensorFlow's ops.", file=sys.stderr)
    return False


def compiler() -> str:
    """The C++ compiler by name: CXX, else g++, else c++."""
    return os.environ.get("CXX") or ("g++" if shutil.which("g++") else "c++")


def compiler_version() -> str:
    """The first line of the compiler's --version."""
    return _output([compiler(), "--version"]).splitlines()[0]


@functools.cache
def tensorflow() -> TensorFlow:
    """Queries TensorFlow in a separate process."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    answer = _output([sys.executable, "-c", _ASK_TENSORFLOW], environment)
    return TensorFlow(**json.loads(answer.splitlines()[-1]))


def cuda() -> Cuda | None:
    """The CUDA toolkit, or None: depends on TFVAE_CUDA and on whether nvcc is installed.

    Raises:
      BuildError: TFVAE_CUDA=1 and there is no usable nvcc.
    """
    setting = switch("TFVAE_CUDA")
    nvcc = shutil.which("nvcc", path=_cuda_path())
    if setting == "0" or (setting == "auto" and nvcc is None):
        return None
    if nvcc is None:
        raise BuildError("TFVAE_CUDA=1, but nvcc is neither on PATH nor in CUDA_HOME/bin; install the CUDA toolkit.")
    version = re.search(r"release ([\d.]+)", _output([nvcc, "--version"]))
    supported = set(re.findall(r"compute_(\d+)", _output([nvcc, "--list-gpu-arch"])))
    requested = [re.sub(r"\D", "", name) for name in tensorflow().capabilities]
    shared = tuple(architecture for architecture in requested if architecture in supported)
    if version is None or not shared:
        reason = f"{nvcc} compiles for none of TensorFlow's architectures ({', '.join(requested)})"
        if setting == "1":
            raise BuildError(f"TFVAE_CUDA=1, but {reason}; install another CUDA toolkit.")
        print(f"tfvae: {reason}; building for the CPU only.", file=sys.stderr)
        return None
    return Cuda(nvcc, version[1], _toolkit(nvcc), shared)


def commit(root: Path) -> str | None:
    """The git commit of the sources, or None."""
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        return None
    answer = subprocess.run([git, "-C", root, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None


def _cuda_path() -> str:
    home = os.environ.get("CUDA_HOME")
    return os.pathsep.join(([f"{home}/bin"] if home else []) + [os.environ.get("PATH", os.defpath)])


def _toolkit(nvcc: str) -> Path:
    # nvcc may be a wrapper script in another folder, so the toolkit's path comes from nvcc itself.
    output = subprocess.run(
        [nvcc, "--dryrun", "-x", "cu", os.devnull], capture_output=True, text=True, check=False
    ).stderr
    top = re.search(r"^#\$ TOP=(.*)$", output, re.MULTILINE)
    if top is None:
        raise BuildError(
            f"{nvcc} --dryrun does not print the path of its toolkit; set TFVAE_CUDA=0 to build without CUDA."
        )
    return Path(top[1]).resolve()


def _output(command: list[str], environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise BuildError(f"{command[0]} failed with status {done.returncode}: {done.stderr.strip()[-2000:]}")
    return done.stdout
