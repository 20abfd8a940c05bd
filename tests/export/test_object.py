"""`tfvae.export.export(vae, x_test, path)`: models that `fit` trained in Python, without a run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
import yaml
from ai_edge_litert.interpreter import Interpreter
from sklearn.datasets import load_digits

import tfvae
from tests.tolerance import NOISE
from tfvae.export import Options, gates
from tfvae.export.edge.runner import Runner
from tfvae.models.float32 import to_float32

SHAPE, LATENT, SEED, N = (8, 8, 1), 2, 5, 6
NAMES = np.array(["even", "odd"])
DIGITS = load_digits()
X = (DIGITS.images * (255 / 16)).astype(np.uint8)  # [1797, 8, 8]
Y = NAMES[DIGITS.target % 2]
TRAIN, TEST = slice(0, 900), slice(900, 1000)
QUICK: dict[str, Any] = dict(epochs=1, batch_size=30, jit="off", verbose=0)
DOCS = Path(__file__).parents[2] / "docs" / "export.md"


def mlp(condition: int | None = None, kind: type[tfvae.VAE] = tfvae.VAE, hidden: Any = None) -> tfvae.VAE:
    """A dense network of Keras layers; conditional on that many values."""
    keras.utils.set_random_seed(0)
    x, z = keras.Input(SHAPE, name="x"), keras.Input((LATENT,), name="z")
    y = [] if condition is None else [keras.Input((condition,), name="y")]
    join = keras.layers.Concatenate() if y else lambda tensors: tensors[0]
    inner = join([keras.layers.Flatten()(x), *y])
    inner = (hidden or keras.layers.Dense(32, activation="relu"))(inner)
    heads = {name: keras.layers.Dense(LATENT, dtype="float32", name=name)(inner) for name in ("z_mean", "z_log_var")}
    outer = keras.layers.Dense(32, activation="relu")(join([z, *y]))
    logits = keras.layers.Reshape(SHAPE)(keras.layers.Dense(64, dtype="float32")(outer))
    encoder = keras.Model([x, *y] if y else x, heads, name="encoder")
    return kind(encoder, keras.Model([z, *y] if y else z, logits, name="decoder"))


class Exported(NamedTuple):
    """A model, and the folder of its version."""

    vae: tfvae.VAE
    folder: Path

    def json(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text())


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The example of the documentation, of a model that was trained for one epoch."""
    vae = mlp()
    vae.fit(X[TRAIN], **QUICK)
    [block] = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    names: dict[str, Any] = {"vae": vae, "x_train": X[TRAIN], "x_test": X[TEST]}
    with pytest.MonkeyPatch.context() as patched:
        base = tmp_path_factory.mktemp("object")
        patched.chdir(base)
        exec(compile(block, str(DOCS), "exec"), names)
    assert names["folder"] == Path("exported", "1")
    return Exported(vae, base / names["folder"])


@pytest.mark.slow
def test_the_files_sample_as_the_model_does(exported: Exported) -> None:
    signatures = tf.saved_model.load(str(exported.folder / "saved_model")).signatures
    got = signatures["sample"](seed=tf.constant(SEED, tf.int64), n=tf.constant(N, tf.int64))
    expected = exported.vae.sample(N, seed=SEED, details=True)
    np.testing.assert_allclose(got["z"], expected.z, atol=NOISE)
    assert got["x"].dtype == tf.uint8
    np.testing.assert_allclose(got["x"].numpy().astype(int), expected.x, atol=1)
    decode = Interpreter(str(exported.folder / "decoder_int8.tflite")).get_signature_runner("decode")
    means = np.concatenate([decode(z=z[None])["mean"] for z in expected.z])
    assert np.abs(means - exported.vae.decode(expected.z)).max() < gates.QUANTIZED["int8"]["max"].most


@pytest.mark.slow
def test_the_version_has_all_that_a_run_s_version_has(exported: Exported) -> None:
    described, report = exported.json("decoder.json"), exported.json("report.json")
    assert set(described["files"]) == set(report["files"]) == {"saved_model", "decoder_int8.tflite"}
    assert (described["name"], described["version"]) == ("vae", 1)
    assert described["scaling"] == exported.vae.scaling.to_dict()
    assert described["network"] is described["binarize"] is None
    assert (exported.folder / "saved_model.pb").exists()


@pytest.mark.slow
def test_the_card_says_what_is_known_and_what_is_not(exported: Exported) -> None:
    _, head, text = (exported.folder / "README.md").read_text().split("---\n", 2)
    assert "model-index" not in yaml.safe_load(head)
    assert "There is no run, and the name of the data set is not recorded." in text
    assert "| epochs | 1 of `fit`, 30 steps |" in text
    assert "| optimizer | adam, learning rate 0.001, constant |" in text
    assert "| not recorded | batch size, seed," in text
    assert "| examples | 100 test examples, passed to the export; calibration with 900 of x_train |" in text
    assert f"| ELBO | {exported.vae.evaluate(X[TEST, ..., None])['elbo']:.2f} nats |" in text
    assert "None" not in text


@pytest.mark.slow
def test_floats_in_model_units_without_training_examples_are_the_next_version(exported: Exported) -> None:
    said: list[str] = []
    options = Options(formats=["tflite"], quantize=["dynamic"])
    base = exported.folder.parent
    arrays: dict[str, Any] = dict(x_test=X[TEST] / 255, y=Y[TEST])  # y is ignored, as in evaluate
    assert tfvae.export.export(exported.vae, path=base, **arrays, options=options, say=said.append) == base / "2"
    assert said[0].startswith("x_train: not passed; the quantized files are calibrated on x_test")
    assert "calibration with the same examples" in (base / "2" / "README.md").read_text()
    assert json.loads((base / "2" / "decoder.json").read_text())["scaling"] == exported.vae.scaling.to_dict()


@pytest.mark.slow
def test_a_conditional_model_of_mixed_precision(tmp_path: Path, mixed_bfloat16: None) -> None:
    vae = mlp(condition=2)
    vae.fit(X[TRAIN], Y[TRAIN], **QUICK)
    options = Options(formats=["tflite"], quantize=["none"])
    arrays: dict[str, Any] = dict(y=Y[TEST], x_train=X[TRAIN], y_train=Y[TRAIN])
    folder = tfvae.export.export(vae, X[TEST], str(tmp_path), **arrays, options=options, say=lambda line: None)
    x, z = Runner(folder).sample(N, SEED, "odd")
    np.testing.assert_allclose(z, vae.sample(N, seed=SEED, y="odd", details=True).z, atol=NOISE)
    np.testing.assert_allclose(x.astype(int), to_float32(vae).sample(N, seed=SEED, y="odd"), atol=1)
    text = (folder / "README.md").read_text()
    assert "Labels: even, odd |" in text
    assert "| precision | float32, mixed_bfloat16; exported from float32 |" in text


@keras.saving.register_keras_serializable(package="tests")
class Silent(tfvae.VAE):
    """A model without exported functions."""

    def signatures(self) -> list[Any]:
        return []


class Unregistered(keras.layers.Dense):
    """A layer that Keras cannot find by its name."""


def known() -> tfvae.VAE:
    """A conditional model, untrained, whose labels are known."""
    vae = mlp(condition=2)
    vae.condition = tfvae.Condition("label", tuple(NAMES))
    return vae


class Wrong(NamedTuple):
    """A call that is refused: what makes its first argument, the others, and the message."""

    said: str
    make: Callable[[], Any] = mlp
    x_test: Any = X[:5] / 255
    named: dict[str, Any] = {}  # noqa: RUF012 - never changed


WRONG = {
    "no examples": Wrong(r"x_test: got shape \[0, 8, 8\], which is empty", x_test=X[:0]),
    "another shape": Wrong(r"x_test: got shape \(5, 7, 8\), expected \[batch, 8, 8, 1\]", x_test=X[:5, :7]),
    "nan": Wrong("x_test: got nan at index", x_test=np.full((3, 8, 8), np.nan)),
    "bytes as floats": Wrong("x_test: ranges from 0 to 255 in model units", x_test=X[:5].astype(float)),
    "other training": Wrong("x_train: got shape", named={"x_train": X[:5, :, :2]}),
    "no y": Wrong("y: the model is conditioned on even, odd; pass y for each example of x_test", known),
    "no y_train": Wrong("y_train: the model is conditioned on even", known, named={"y": Y[:5], "x_train": X[:5] / 255}),
    "unknown label": Wrong(r"y: unknown label 'ood' \(did you mean odd", known, named={"y": "ood"}),
    "unknown condition": Wrong("meaning of the model's y is not known; .* fit", lambda: mlp(2), named={"y": [0] * 5}),
    "no signatures": Wrong("Silent has no functions to export", lambda: mlp(kind=Silent)),
    "unknown class": Wrong("copied in float32 .*class 'Unregistered'", lambda: mlp(hidden=Unregistered(8))),
    "a Keras model": Wrong("export: got Functional, expected a model, such as a tfvae.VAE", lambda: mlp().encoder),
    "no model": Wrong("export: got int, expected a model, such as a tfvae.VAE, or the folder of a run", lambda: 3),
    "no path": Wrong("path: got None, expected the folder of the versions", named={"path": None}),
    "places": Wrong("options: places is for runs", named={"options": Options(places=["data.path=x"])}),
    "changed data": Wrong("allow_changed_data is for runs", named={"options": Options(allow_changed_data=True)}),
    "out": Wrong("options: out is for runs .* pass the folder as path", named={"options": Options(out=Path("o"))}),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_exported_is_one_sentence(what: str, tmp_path: Path) -> None:
    wrong = WRONG[what]
    with pytest.raises(tfvae.UserError, match=wrong.said) as raised:
        tfvae.export.export(wrong.make(), wrong.x_test, **{"path": tmp_path / "exported", **wrong.named})
    assert "\n" not in str(raised.value)
    assert not list(tmp_path.iterdir())


def test_a_run_takes_no_examples(tmp_path: Path) -> None:
    with pytest.raises(tfvae.UserError, match="options: got ndarray, expected"):
        tfvae.export.export(tmp_path, X[:5])
    with pytest.raises(tfvae.UserError, match="not a run folder"):
        tfvae.export.export(str(tmp_path))


@pytest.mark.parametrize("path", ["file", "file/exported"])
def test_a_file_in_place_of_the_folder(path: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(tfvae.UserError, match="file: this is a file; expected a folder"):
        tfvae.export.export(mlp(), X[:5] / 255, tmp_path / path)


def test_a_gate_that_is_exceeded_leaves_nothing(tmp_path: Path) -> None:
    options = Options(formats=["tflite"], quantize=["dynamic"], gates={"dynamic.mean": 1e-9})
    with pytest.raises(tfvae.UserError, match=r"exported: nothing was exported, .*fields of Options"):
        tfvae.export.export(mlp(), X[:5] / 255, tmp_path / "exported", options=options, say=lambda line: None)
    assert not list(tmp_path.iterdir())


def test_keras_s_own_export_names_the_call(tmp_path: Path) -> None:
    with pytest.raises(tfvae.UserError, match=r"use tfvae\.export\.export\(model, x_test, 'there'\)"):
        mlp().export("there")


def test_import_tfvae_is_enough_and_imports_no_tensorflow() -> None:
    script = "import sys, tfvae; tfvae.export.Options; assert not {'tensorflow', 'keras'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)
    assert "export" in dir(tfvae)
