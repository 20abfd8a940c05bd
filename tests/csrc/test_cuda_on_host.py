"""The CUDA kernels, compiled for the host by tests/csrc/cuda_on_host, against the reference of the CPU's tests."""

import subprocess
from pathlib import Path

import pytest

from csrc.building import command, facts, ninja_file

pytestmark = pytest.mark.slow

_TESTS = Path(__file__).parent
_HOST = _TESTS / "cuda_on_host"
_BUILD = ninja_file.ROOT / "build" / "native" / "cuda_on_host"
# Without -mfma, so that any processor can run it.
_FLAGS = [*ninja_file.MATHS, "-O2", *ninja_file.STRICT, "-Wno-unknown-pragmas", f"-isystem{_HOST}"]
_FLAGS += [f"-I{ninja_file.SOURCES}", f"-I{_TESTS}", "-x c++"]
_PROGRAMS = [_HOST / "kernels.cc", _TESTS / "test_gradient.cc"]


@pytest.fixture(scope="module")
def programs():
    """The folder of the programs: each with csrc/cuda and what it runs on; only what changed is compiled."""
    from ninja import Writer

    _BUILD.mkdir(parents=True, exist_ok=True)
    shared = [*sorted(ninja_file.SOURCES.glob("cuda/*.cu")), _HOST / "cuda_on_host.cc", _HOST / "cpu_launch.cc"]
    with (_BUILD / "build.ninja").open("w", encoding="utf-8") as stream:
        ninja = Writer(stream, width=10**9)
        ninja_file.cxx_rule(ninja, facts.compiler())
        ninja.rule("link", f"{facts.compiler()} $in -o $out")
        for source in [*shared, *_PROGRAMS]:
            ninja.build(f"{source.name}.o", "cxx", str(source), variables={"flags": _FLAGS})
        for program in _PROGRAMS:
            ninja.build(program.stem, "link", [f"{source.name}.o" for source in [program, *shared]])
    command.run_ninja(_BUILD)
    return _BUILD


@pytest.mark.parametrize("source", _PROGRAMS, ids=lambda path: path.stem)
def test_kernels(source, programs):
    done = subprocess.run([programs / source.stem], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(": passed\n")
