"""`python -m tfvae.info`."""

from __future__ import annotations

import platform
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae import info, native, noise, presets
from tfvae.latent import resolve


@pytest.fixture(scope="module")
def facts():
    return info.facts()


def test_versions_are_those_of_the_process(facts):
    assert facts["tfvae"] == f"{tfvae.__version__}, in {Path(tfvae.__file__).parent}"
    assert facts["TensorFlow"] == tf.__version__
    assert facts["Keras"] == keras.__version__
    assert facts["NumPy"] == np.__version__
    assert re.fullmatch(r"[\d.]+", facts["TFP"])
    assert facts["Python"].startswith(platform.python_version())
    assert facts["noise version"] == str(noise.NOISE_VERSION)


def test_devices_build_and_latent_op(facts):
    assert "CPU:0" in facts["devices"]
    assert facts["devices"].count("GPU") == len(tf.config.list_physical_devices("GPU"))
    assert ("without CUDA" in facts["build"]) is not tf.sysconfig.get_build_info()["is_cuda_build"]
    implementation, reason = resolve("auto")
    assert facts["latent op"].startswith(f"auto is {implementation}")
    assert reason in facts["latent op"]


def test_the_library_is_that_which_is_there(facts):
    assert (facts["library"] == "not built") is not native.FACTS.is_file()


def test_a_library_with_cuda_and_one_without():
    built = dict(
        tfvae="0.1.0",
        tensorflow="2.21.0",
        cuda="12.5",
        architectures=["sm_80", "sm_90"],
        compiler="g++ 12",
        commit="ab",
    )
    built["python"] = "3.11.7"
    told = "tfvae 0.1.0 for TensorFlow 2.21.0, CUDA 12.5 for sm_80, sm_90, by g++ 12 under Python 3.11.7, commit ab"
    assert info._library(built) == told
    assert "no CUDA, by g++ 12 under Python 3.11.7" in info._library({**built, "cuda": None, "commit": None})


def test_every_preset_is_named(facts):
    assert facts["presets"].split(", ") == presets.names()


def test_a_build_without_cuda_and_one_with():
    assert info._build({"is_cuda_build": False}) == "TensorFlow without CUDA"
    built = {
        "is_cuda_build": True,
        "cuda_version": "12.5",
        "cudnn_version": "9",
        "cuda_compute_capabilities": ["sm_90"],
    }
    assert info._build(built) == "TensorFlow with CUDA 12.5, cuDNN 9, for sm_90"


def test_a_package_that_is_not_there():
    assert info._version("tfvae-never-heard-of") == "not installed"


def test_the_command_prints_a_line_a_fact(facts, capsys):
    assert info.main([]) == 0
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == len(facts)
    assert said.err == ""
    for line, (name, value) in zip(said.out.splitlines(), facts.items(), strict=True):
        assert line.startswith(name)
        assert line.endswith(value)


def test_help(capsys):
    with pytest.raises(SystemExit) as end:
        info.main(["--help"])
    assert end.value.code == 0
    assert "python -m tfvae.info" in capsys.readouterr().out
