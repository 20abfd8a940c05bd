"""The CUDA kernels, compiled for the host by tests/csrc/cuda_on_host, against the reference of the CPU tests."""

import subprocess
from pathlib import Path

import pytest

from csrc.building import facts, ninja_file

pytestmark = pytest.mark.slow

_TESTS = Path(__file__).parent
_HOST = _TESTS / "cuda_on_host"
_FLAGS = [*ninja_file.MATHS, "-O2", *ninja_file.STRICT, "-Wno-unknown-pragmas", f"-isystem{_HOST}"]
_FLAGS += [f"-I{ninja_file.SOURCES}", f"-I{_TESTS}"]


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    """csrc/cuda and its emulated device, compiled without -mfma, so that any processor can run it."""
    folder = tmp_path_factory.mktemp("cuda_on_host")
    sources = [*ninja_file.SOURCES.glob("cuda/*.cu"), _HOST / "cuda_on_host.cc", _HOST / "cpu_launch.cc"]
    return [compiled(source, folder) for source in sources]


def compiled(source, folder):
    target = folder / f"{source.name}.o"
    run([facts.compiler(), *_FLAGS, "-c", "-x", "c++", source, "-o", target])
    return target


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("source", [_HOST / "kernels.cc", _TESTS / "test_gradient.cc"], ids=lambda path: path.stem)
def test_kernels(source, objects, tmp_path):
    run([facts.compiler(), compiled(source, tmp_path), *objects, "-o", tmp_path / "program"])
    assert run([tmp_path / "program"]).endswith(": passed\n")
