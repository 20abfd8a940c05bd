"""`tfvae.native`: one library, loaded once, and a sentence for each reason why it cannot be."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

import tfvae
from tfvae import native
from tfvae.latent import resolve

_ASK = """
import sys, warnings
from pathlib import Path
import tensorflow as tf
from tfvae import UserError, native, noise
from tfvae.latent import StandardNormal, resolve, sample_and_kl

folder = Path(sys.argv[1])
native.LIBRARY, native.FACTS = folder / native.LIBRARY.name, folder / native.FACTS.name
if "gpu" in sys.argv:
    tf.config.get_visible_devices = lambda kind: ["GPU:0"]
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for _ in range(3):
        sample_and_kl(tf.zeros([1, 2]), tf.zeros([1, 2]), StandardNormal(2), noise.Address(1, noise.TRAINING))
print("auto:", resolve("auto"))
print("warned:", [str(w.message) for w in caught])
try:
    resolve("fused")
except UserError as error:
    print("fused:", error)
try:
    native.ops()
except UserError as error:
    print("cause:", type(error.__cause__).__name__)
"""


def _asked(folder: Path, *options: str) -> dict[str, str]:
    command = [sys.executable, "-c", _ASK, str(folder), *options]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)


def _build(folder: Path, **changes: Any) -> None:
    """A copy of the library that is there, with other facts beside it."""
    shutil.copy(native.LIBRARY, folder)
    (folder / native.FACTS.name).write_text(json.dumps({**native.facts(), **changes}))


def _nothing(folder: Path) -> None:
    pass


def _no_facts(folder: Path) -> None:
    shutil.copy(native.LIBRARY, folder)


def _another_tensorflow(folder: Path) -> None:
    _build(folder, tensorflow="2.19.1")
    (folder / native.LIBRARY.name).write_bytes(b"never opened")


def _no_cuda(folder: Path) -> None:
    _build(folder, cuda=None, architectures=[])


def _undefined_symbol(folder: Path) -> None:
    _build(folder, cuda="12.5")
    path = folder / native.LIBRARY.name
    path.write_bytes(path.read_bytes().replace(b"10tensorflow8OpKernel", b"10tensorflow8OpKarnel"))


def _not_a_library(folder: Path) -> None:
    _build(folder, cuda="12.5")
    (folder / native.LIBRARY.name).write_bytes(b"cut off")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("doctored", "options", "said", "cause"),
    [
        (_nothing, (), f"not built ({{folder}}/{native.LIBRARY.name} does not exist); build it with `make native`", ""),
        (_no_facts, (), f"not built ({{folder}}/{native.FACTS.name} does not exist); build it with `make native`", ""),
        (_another_tensorflow, (), f"was built for TensorFlow 2.19.1, but this is {tf.__version__}; build it with", ""),
        (_no_cuda, ("gpu",), "was built without CUDA, but TensorFlow has a GPU; build it with TFVAE_CUDA=1", ""),
        (_undefined_symbol, (), "OpKarnel", "NotFoundError"),
        (_not_a_library, (), "does not load", "NotFoundError"),
    ],
    ids=["not built", "no facts", "another TensorFlow", "no CUDA", "undefined symbol", "not a library"],
)
def test_why_it_cannot_be_used(
    doctored: Callable[[Path], None], options: tuple[str, ...], said: str, cause: str, tmp_path: Path, request: Any
) -> None:
    if doctored is not _nothing:
        request.getfixturevalue("library")
    doctored(tmp_path)
    told = _asked(tmp_path, *options)
    said = said.format(folder=tmp_path)
    assert told["fused"].startswith("latent: fused was requested, but the compiled latent op ")
    assert said in told["fused"]
    assert told["fused"].endswith(".")
    assert told["auto"].startswith("('plain', 'the compiled latent op ")
    assert told["cause"] == (cause or "NoneType")
    # Three calls, one warning.
    assert told["warned"].count("latent: auto runs plain") == 1
    assert said in told["warned"]


@pytest.mark.usefixtures("library")
def test_it_is_loaded_once_and_says_what_it_was_built_for() -> None:
    assert native.ops() is native.ops()
    built = native.facts()
    assert built["tfvae"] == tfvae.__version__
    assert built["tensorflow"].split(".")[:2] == tf.__version__.split(".")[:2]
    assert {"cuda", "architectures", "compiler", "python", "commit"} <= set(built)
    assert resolve("auto") == resolve("fused") == ("fused", "")


def test_importing_tfvae_loads_nothing() -> None:
    code = "import tfvae.latent, tfvae.native; print(tfvae.native._loaded.cache_info().misses)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "0"


@pytest.mark.usefixtures("library")
def test_an_instruction_set_that_is_not_here(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "tfvae.train",
        "--preset",
        "digits",
        "--latent",
        "fused",
        "--out",
        tmp_path / "run",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "TFVAE_ISA": "mmx"})
    assert done.returncode == 2
    assert "TFVAE_ISA: got 'mmx', expected one that this processor has: " in done.stderr
    assert len(done.stderr.strip().splitlines()[-1]) < 200
