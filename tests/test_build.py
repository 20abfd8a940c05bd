"""The build of csrc: its switches, what it puts where, and that it compiles only what changed."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NEEDED = ("ninja", "pybind11")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (ROOT / "setup.py").is_file(), reason="the tests of the build need the source tree"),
]
compiles = pytest.mark.skipif(
    not (shutil.which("g++") and all(importlib.util.find_spec(name) for name in NEEDED)),
    reason="compiling needs g++, ninja and pybind11",
)


def setup(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "setup.py", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True)


@pytest.mark.parametrize("name", ["TFVAE_NATIVE", "TFVAE_CUDA"])
def test_an_unknown_switch_is_a_sentence(name: str) -> None:
    done = setup("--version", **{name: "maybe"})
    assert done.returncode == 1
    assert done.stderr == f"tfvae: {name}: got 'maybe', expected auto, 0 or 1.\n"


def test_native_0_gives_a_pure_package(tmp_path: Path) -> None:
    done = setup("build", "--build-base", tmp_path, TFVAE_NATIVE="0")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "lib" / "tfvae" / "__init__.py").is_file()
    assert not list(tmp_path.rglob("*.so"))


def test_without_a_compiler_it_says_so_and_goes_on(tmp_path: Path) -> None:
    done = setup("build", "--build-base", tmp_path, CXX="no-such-compiler", TFVAE_NATIVE="auto")
    assert done.returncode == 0, done.stderr
    assert "tfvae: the native code needs the C++ compiler no-such-compiler (set CXX to use another)" in done.stderr
    assert not list(tmp_path.rglob("*.so"))


def test_native_1_without_a_compiler_fails() -> None:
    done = setup("--version", CXX="no-such-compiler", TFVAE_NATIVE="1")
    assert done.returncode == 1
    assert done.stderr.startswith("tfvae: TFVAE_NATIVE=1, but the native code needs the C++ compiler no-such-compiler")


@compiles
def test_cuda_1_without_nvcc_fails(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "g++").symlink_to(str(shutil.which("g++")))
    done = setup("build_ext", "--build-lib", tmp_path, TFVAE_CUDA="1", PATH=str(tools), CUDA_HOME="")
    assert done.returncode == 1
    assert "tfvae: TFVAE_CUDA=1, but nvcc is neither on PATH" in done.stderr


@compiles
def test_the_package_carries_both_libraries_and_a_second_build_compiles_nothing(tmp_path: Path) -> None:
    first = setup("build", "--build-base", tmp_path)
    assert first.returncode == 0, first.stdout + first.stderr
    [package] = tmp_path.glob("lib*")
    assert (package / "tfvae" / "_tfvae_ops.so").is_file()
    [kernels] = package.glob("_tfvae_kernels*.so")
    facts = json.loads((package / "tfvae" / "_build.json").read_text())
    assert facts["tensorflow"].startswith("2.21.")
    assert set(facts) == {"tfvae", "tensorflow", "commit", "cuda", "architectures", "compiler", "python"}

    assert exported(package / "tfvae" / "_tfvae_ops.so") == []
    assert exported(kernels) == ["PyInit__tfvae_kernels"]
    needed = subprocess.run(["readelf", "-d", kernels], capture_output=True, text=True, check=True).stdout
    assert "tensorflow" not in needed

    assert "no work to do" in setup("build", "--build-base", tmp_path).stdout


@compiles
@pytest.mark.usefixtures("library")
def test_a_library_that_is_loaded_after_xla_has_begun_compiles_too() -> None:
    script = """
import tensorflow as tf
tf.function(lambda x: x + 1, jit_compile=True)(tf.ones([2]))
from tfvae import native
none, counter = tf.zeros([0]), tf.zeros([2], tf.uint64)
call = lambda: native.ops().tfvae_sample_and_kl(
    tf.ones([3, 4]), tf.ones([3, 4]), none, none, counter[:1], counter, tf.constant(0, tf.int64))
for one, other in zip(call(), tf.function(call, jit_compile=True)()):
    tf.debugging.assert_equal(one, other)
print("equal")
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "equal\n", done.stderr


def exported(library: Path) -> list[str]:
    listed = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    return [line.split()[-1] for line in listed.splitlines()]
