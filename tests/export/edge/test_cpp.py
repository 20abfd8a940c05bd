"""The C++ runner: its noise against the golden vectors, and built with CMake, run and compared with runner.py."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from csrc.building import facts, ninja_file
from tests.tolerance import NOISE, fan_in, rounding

pytestmark = pytest.mark.slow

_TESTS, _ROOT = Path(__file__).parent, Path(__file__).parents[3]
_CPP = _ROOT / "export" / "edge" / "cpp"
N, SEED = 7, 2**62 + 3


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, timeout=300)


def succeeds(*command: object) -> str:
    done = run(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_noise_is_that_of_the_golden_vectors(tmp_path: Path) -> None:
    program = tmp_path / "test_noise"
    folders = [f"-I{folder}" for folder in (ninja_file.SOURCES, _ROOT / "tests" / "csrc", _CPP)]
    flags = ["-std=c++17", "-O1", *ninja_file.STRICT, *folders]
    succeeds(facts.compiler(), *flags, _TESTS / "test_noise.cc", _CPP / "json.cc", "-o", program)
    assert succeeds(program, _ROOT / "tests" / "golden" / "noise_v1.json") == "test_noise: passed\n"


def test_prior_and_scaling_give_the_golden_cases(tmp_path: Path) -> None:
    program = tmp_path / "test_golden"
    flags = ["-std=c++17", "-O1", *ninja_file.STRICT, f"-I{_ROOT / 'tests' / 'csrc'}", f"-I{_CPP}"]
    succeeds(facts.compiler(), *flags, _TESTS / "test_golden.cc", _CPP / "json.cc", "-o", program)
    assert succeeds(program, _ROOT / "tests" / "golden") == "test_golden: passed\n"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """decoder_runner, built against the runtime of the wheel."""
    wheel = importlib.util.find_spec("ai_edge_litert")
    if wheel is None or shutil.which("cmake") is None:
        pytest.skip("needs cmake on PATH, and the extra [edge]")
    library = Path((wheel.submodule_search_locations or [""])[0]) / "libLiteRt.so"
    if not library.is_file():
        pytest.skip("this wheel of ai-edge-litert has no libLiteRt.so")
    build = tmp_path_factory.mktemp("build")
    succeeds("cmake", "-S", _CPP, "-B", build, f"-DLITERT_LIBRARY={library}")
    succeeds("cmake", "--build", build)
    return build / "decoder_runner"


@pytest.mark.parametrize("name", ["grey", "table"])
@pytest.mark.parametrize("file", ["decoder.tflite", "decoder_int8.tflite"])
def test_it_samples_as_the_python_runner_does(
    name: str, file: str, program: Path, versions: dict[str, Any], tmp_path: Path
) -> None:
    from tfvae.export.edge.runner import Runner

    folder = versions[name].folder
    succeeds(program, folder, file, N, SEED, tmp_path / "x", tmp_path / "z")
    x, z = Runner(folder, file).sample(N, SEED)
    got = np.fromfile(tmp_path / "x", np.float32).reshape(x.shape)
    np.testing.assert_allclose(np.fromfile(tmp_path / "z", np.float32).reshape(z.shape), z, rtol=0, atol=NOISE)
    np.testing.assert_allclose(versions[name].vae.sample(N, SEED, details=True).z, z, rtol=0, atol=NOISE)
    # z may differ in its last bit, and be rounded the other way.
    slack = rounding("float32", fan_in(versions[name].vae.decoder), np.abs(x).max())
    np.testing.assert_allclose(got, x, rtol=0, atol=1 if name == "grey" else slack)
    assert np.mean(np.isclose(got, x, rtol=0, atol=slack)) > 0.99


def test_it_refuses_in_a_sentence(program: Path, versions: dict[str, Any], tmp_path: Path) -> None:
    folder, outputs = versions["grey"].folder, (tmp_path / "x", tmp_path / "z")
    table = shutil.copytree(versions["table"].folder, tmp_path / "table")
    shutil.copy(folder / "decoder.tflite", table)
    (tmp_path / "decoder.json").write_text("{]")
    for arguments, sentence in [
        ((folder, "none.tflite", 1, 0), "none.tflite: cannot be read."),
        ((folder, "scorer.tflite", 1, 0), "the file has no signature decode."),
        ((folder, "decoder.tflite", 0, 0), "got 0, expected an integer from 1 to 2^63 - 1."),
        ((folder, "decoder.tflite", 1, 2**63), "expected an integer from 0 to 2^63 - 1."),
        ((folder, "decoder.tflite", 1, "x"), "got x, expected an integer"),
        ((table, "decoder.tflite", 1, 0), "its size differs from that in decoder.json"),
        ((tmp_path, "decoder.tflite", 1, 0), "not JSON at byte 1"),
        ((tmp_path / "no", "decoder.tflite", 1, 0), "decoder.json: cannot be read."),
    ]:
        done = run(program, *arguments, *outputs)
        assert done.returncode == 2
        assert sentence in done.stderr.splitlines()[-1]
    assert not outputs[0].exists()
    assert run(program).returncode == 2


def test_it_takes_a_condition_a_prior_of_it_and_spatial_latents(program: Path, tmp_path: Path) -> None:
    from tests.export import small_models
    from tfvae.export import tflite
    from tfvae.export.edge.runner import Runner

    prior = small_models.ConditionalGaussian(small_models.LATENT, small_models.CONDITION.size)
    for name, vae in (("condition", small_models.conditional(prior)), ("spatial", small_models.spatial())):
        folder = small_models.version(tmp_path / name, vae, {"decoder.tflite": tflite.decoder(vae, [4])})
        label = ["owl"] if vae.condition else []
        succeeds(program, folder, "decoder.tflite", N, SEED, tmp_path / "x", tmp_path / "z", *label)
        x, z = Runner(folder).sample(N, SEED, *label)
        np.testing.assert_allclose(np.fromfile(tmp_path / "z", np.float32).reshape(z.shape), z, rtol=0, atol=NOISE)
        np.testing.assert_allclose(np.fromfile(tmp_path / "x", np.float32).reshape(x.shape), x, rtol=0, atol=1)
    folder = tmp_path / "condition"
    small_models.CONDITION.encode("dog", N).tofile(tmp_path / "y")
    outputs = tmp_path / "x", tmp_path / "z"
    succeeds(program, folder, "decoder.tflite", N, SEED, *outputs, tmp_path / "y")
    z = Runner(folder).sample(N, SEED, 1)[1]
    np.testing.assert_allclose(np.fromfile(tmp_path / "z", np.float32).reshape(z.shape), z, rtol=0, atol=NOISE)
    for condition, sentence in (
        ([], "pass a label"),
        (["3"], "expected a label below 3"),
        (["bird"], "bird: cannot be"),
    ):
        done = run(program, folder, "decoder.tflite", N, SEED, *outputs, *condition)
        assert done.returncode == 2
        assert sentence in done.stderr
