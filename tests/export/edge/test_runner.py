"""runner.py: bit-exact words of the noise, and the model's own samples, means and scores without TensorFlow."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("ai_edge_litert", reason="the extra [edge] is not installed")

from tests.tolerance import NOISE, fan_in, rounding
from tfvae.export.edge import runner
from tfvae.export.edge.runner import Runner

ROWS = json.loads((Path(__file__).parents[2] / "golden" / "noise_v1.json").read_text())["rows"]
N, SEED = 7, 2**62 + 3

_ELSEWHERE = """
import importlib.util, sys
import numpy as np
from runner import Runner

assert importlib.util.find_spec("tensorflow") is None and importlib.util.find_spec("tfvae") is None
for folder in sys.argv[1:]:
    runner, int8, given = Runner(folder), Runner(folder, "decoder_int8.tflite"), np.load(f"{folder}/given.npz")
    x, z = runner.sample(int(given["n"]), int(given["seed"]))
    made = {"x": x, "z": z, "mean": runner.decode(given["z"]), "int8": int8.decode(given["z"])}
    np.savez(f"{folder}/out.npz", **made, **runner.score(given["x"], int(given["seed"])))
assert not {"tensorflow", "keras", "tfvae"} & set(sys.modules)
"""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_the_golden_vectors(row: dict[str, Any]) -> None:
    count, first = len(row["words"]), row["example"] * row["width"]
    c0 = np.uint64(first // 4) + np.arange(count // 4 + 2, dtype=np.uint64)
    words = runner.words(row["seed"], c0, (row["purpose"] << 56) + (row["step"] << 16) + row["sample"])
    assert words.ravel()[first % 4 :][:count].tolist() == row["words"]
    address = {name: row[name] for name in ("seed", "purpose", "step", "sample", "width")}
    normals = runner.normals(first_example=row["example"], count=-(-count // row["width"]), **address)
    assert normals.dtype == np.float32
    np.testing.assert_allclose(normals.ravel()[:count], row["normals"], rtol=0, atol=NOISE)


@pytest.fixture(scope="module")
def elsewhere(versions: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, np.ndarray]]:
    """What a copy of runner.py gives for each version, in a Python with only the runtime and NumPy."""
    place = tmp_path_factory.mktemp("elsewhere")
    for path in _required("ai-edge-litert", "numpy"):
        (place / path.name).symlink_to(path)
    shutil.copy(runner.__file__, place)
    for version in versions.values():
        np.savez(version.folder / "given.npz", n=N, seed=SEED, x=_examples(version), z=_latents())
    folders = [str(version.folder) for version in versions.values()]
    command = [sys.executable, "-S", "-c", _ELSEWHERE, *folders]
    done = subprocess.run(
        command, cwd=place, env={"PYTHONPATH": str(place)}, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return {name: dict(np.load(version.folder / "out.npz")) for name, version in versions.items()}


def _required(*names: str) -> set[Path]:
    """The files in site-packages of distributions and of their unconditional requirements."""
    paths: set[Path] = set()
    todo, done = list(names), set()
    while todo:
        found = metadata.distribution(todo.pop())
        if found.name in done:
            continue
        done.add(found.name)
        todo += [re.split(r"[^\w.-]", need)[0] for need in found.requires or [] if ";" not in need]
        parts = {file.parts[0] for file in found.files or [] if file.parts[0] not in ("..", "__pycache__")}
        paths |= {Path(str(found.locate_file(part))) for part in parts}
    return paths


def _examples(version: Any) -> np.ndarray:
    random = np.random.default_rng(4)
    if version.vae.scaling.integer:
        return random.integers(0, 256, (N, *version.vae.event_shape), np.uint8)
    return random.normal(size=(N, *version.vae.event_shape)).astype(np.float32)


def _latents() -> np.ndarray:
    return np.random.default_rng(5).normal(size=(N, 3)).astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["grey", "table"])
def test_it_says_what_the_model_says_without_tensorflow(
    name: str, versions: dict[str, Any], elsewhere: dict[str, dict[str, np.ndarray]]
) -> None:
    vae, out = versions[name].vae, elsewhere[name]
    wanted = vae.sample(N, SEED, details=True)
    np.testing.assert_allclose(out["z"], wanted.z, rtol=0, atol=NOISE)
    assert out["x"].dtype == wanted.x.dtype
    if name == "grey":
        assert np.abs(out["x"].astype(int) - wanted.x).max() <= 1  # a mean may be exactly between two levels
        assert np.mean(out["x"] == wanted.x) > 0.99
    else:
        slack = rounding("float32", fan_in(vae.decoder), np.abs(wanted.x).max())
        np.testing.assert_allclose(out["x"], wanted.x, rtol=0, atol=slack)
    mean = vae.decode(_latents()).numpy()
    slack = rounding("float32", fan_in(vae.decoder), max(1, np.abs(mean).max()))
    np.testing.assert_allclose(out["mean"], mean, rtol=0, atol=slack)
    error = np.abs(out["int8"] - mean).max() / np.ptp(mean)
    assert 0 < error < 0.1
    terms = vae.elbo(_examples(versions[name]), SEED)
    values = int(np.prod(vae.event_shape))
    slack = rounding("float32", fan_in(vae.encoder, vae.decoder) + values, np.abs(terms.elbo).max() + 2 * values)
    for term in ("elbo", "reconstruction", "kl"):
        np.testing.assert_allclose(out[term], getattr(terms, term), rtol=0, atol=slack)


def test_no_batch_and_no_thread_shows_in_the_numbers(versions: dict[str, Any]) -> None:
    folder = versions["table"].folder
    x, z = Runner(folder).sample(N, SEED)
    few, _ = Runner(folder, num_threads=2).sample(3, SEED)
    slack = rounding("float32", fan_in(versions["table"].vae.decoder), np.abs(x).max())
    np.testing.assert_allclose(few, x[:3], rtol=0, atol=slack)
    one_by_one = np.concatenate([Runner(folder).decode(row[None]) for row in z])
    np.testing.assert_allclose(Runner(folder).decode(z), one_by_one, rtol=0, atol=slack)


def test_the_command_line(versions: dict[str, Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    version, out = versions["grey"], tmp_path / "out.npy"
    folder, given = str(version.folder), tmp_path / "given.npy"

    def run(*arguments: str) -> tuple[int, str, str]:
        return runner.main([folder, *arguments]), *capfd.readouterr()

    assert run("sample", "--n", "3", "--seed", "5", "--out", str(out))[:2] == (0, f"{out}: uint8 [3, 4, 5, 1]\n")
    np.testing.assert_array_equal(np.load(out), Runner(folder).sample(3, 5)[0])
    np.save(given, _latents())
    assert run("decode", str(given), "--file", "decoder_int8.tflite", "--out", str(out))[0] == 0
    np.testing.assert_array_equal(np.load(out), Runner(folder, "decoder_int8.tflite").decode(_latents()))
    np.save(given, _examples(version))
    status, lines, _ = run("score", str(given), "--seed", "5")
    elbo = Runner(folder).score(_examples(version), 5)["elbo"]
    assert status == 0
    assert lines.startswith("elbo\treconstruction\tkl\n")
    assert [float(line.split("\t")[0]) for line in lines.splitlines()[1:]] == pytest.approx(elbo, abs=1e-4)
    status, _, said = run("decode", str(given))
    assert status == 2
    assert said.endswith("runner: z: got shape [7, 4, 5, 1], expected [n, 3] with n >= 1.\n")
    assert run("decode", str(tmp_path / "none.npy"))[0] == 2
    with pytest.raises(SystemExit):
        run("decode")


def test_bad_input_is_told_in_a_sentence(versions: dict[str, Any], tmp_path: Path) -> None:
    there = Runner(versions["grey"].folder)
    for n, seed, sentence in [(0, 0, "n: got 0"), (1, -1, "seed: got -1"), (1, 2**63, "seed: got"), (1, 0.5, "0.5")]:
        with pytest.raises(ValueError, match=sentence):
            there.sample(n, seed)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"z: got shape \[2, 4\], expected \[n, 3\]"):
        there.decode(np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"x: got shape \[0, 4, 5, 1\]"):
        there.score(np.zeros((0, 4, 5, 1)), 0)
    with pytest.raises(ValueError, match=r"scorer.tflite: has no signature decode, only encode, score"):
        Runner(versions["grey"].folder, "scorer.tflite").decode(np.zeros((1, 3)))
    with pytest.raises(ValueError, match=r"decoder.json: cannot be read"):
        Runner(tmp_path)
    described = versions["grey"].description()
    (tmp_path / "decoder.json").write_text(json.dumps(described))
    with pytest.raises(ValueError, match=r"decoder.tflite: cannot be read"):
        Runner(tmp_path).decode(np.zeros((1, 3)))
    (tmp_path / "decoder.tflite").write_bytes((versions["table"].folder / "decoder.tflite").read_bytes())
    with pytest.raises(ValueError, match=r"its sha256 differs from that in decoder.json"):
        Runner(tmp_path).decode(np.zeros((1, 3)))
    (tmp_path / "decoder.json").write_text(json.dumps({**described, "format": 2}))
    with pytest.raises(ValueError, match=r"got format and noise version \(2, 1\)"):
        Runner(tmp_path)
