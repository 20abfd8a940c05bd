"""The model card of a version: its header is YAML, its figures match the run, its examples run."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import yaml

from tfvae import VAE, CorrelatedNormal, networks, presets
from tfvae.config import override, to_dict
from tfvae.config.network import Mlp
from tfvae.data import scaling
from tfvae.export import description, metadata, origin, saved_model, subject, tflite
from tfvae.export.card import card

ERROR = {"prior": {"max": 1e-7, "mean": 2e-8, "psnr": 140.0}, "posterior": {"max": 3e-7, "mean": 1e-8, "psnr": 130.0}}
REPORT = {
    "test": {
        "elbo": -23.83,
        "reconstruction": -20.77,
        "kl": 3.06,
        "squared_error_per_value": 0.0306,
        "active_units": 2,
        "iwae": -23.1,
    },
    "test_examples": 359,
    "test_samples": 5,
    "epochs": 200,
    "best_epoch": 152,
    "parameters": 330820,
    "versions": {"tfvae": "0.1.0", "python": "3.11.7"},
    "examples": {"shape": [8, 8, 1], "train": 1294, "validation": 144, "test": 359},
    "diagnosis": [],
}

SETTINGS = {"preset": "digits", **to_dict(override(presets.load("digits"), ["network.hidden=[8]"]))}


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a version, with its SavedModel and its float32 decoder."""
    folder = tmp_path_factory.mktemp("card") / "7"
    folder.mkdir()
    keras.utils.set_random_seed(0)
    unit = scaling.fit("unit", np.array([[0], [255]], np.uint8))
    prior = CorrelatedNormal(2, [0.1, 0.2], [[1.0, 0.5], [0.5, 1.0]])
    vae = VAE(*networks.build(Mlp(hidden=(8,), latent_dim=2), (8, 8, 1)), prior, scaling=unit)
    saved_model.write(vae, folder / "saved_model")
    (folder / "decoder.tflite").write_bytes(tflite.decoder(vae, [1]))
    none = np.zeros([0, 8, 8, 1], np.float32)
    source = origin.of_run("run", SETTINGS, REPORT)
    described = description.of(subject.Subject(source, vae, none, none))
    (folder / "decoder.json").write_text(json.dumps(described))
    return folder


@pytest.fixture(scope="module")
def values(version: Path) -> dict[str, Any]:
    """The arguments of `page`."""
    files = {
        "saved_model": {"kind": "saved_model", "bytes": 12345, "error": ERROR, "elbo_change": 1e-7},
        "decoder.tflite": {
            "kind": "float32",
            "bytes": 6789,
            "signatures": metadata.signatures((version / "decoder.tflite").read_bytes()),
            "error": ERROR,
            "elbo_change": 2e-5,
        },
        "scorer.tflite": {
            "kind": "scorer",
            "bytes": 1000,
            "signatures": {},
            "error": {},
            "elbo_change": None,
            "encode_error": 1e-6,
            "score_error": 2e-6,
        },
    }
    return {
        "description": {**json.loads((version / "decoder.json").read_text()), "version": 7, "files": files},
        "settings": SETTINGS,
        "report": REPORT,
        "terms": VAE(*networks.build(Mlp(hidden=(), latent_dim=2), (8, 8, 1)), num_samples=5).terms,
    }


def page(description: dict[str, Any], settings: dict[str, Any], report: dict[str, Any], terms: Any) -> str:
    """The card of a run's model."""
    return card(description, origin.of_run("run", settings, report), terms)


def test_the_head_is_what_model_hubs_read(values: dict[str, Any]) -> None:
    _, head, _ = page(**values).split("---\n", 2)
    read = yaml.safe_load(head)
    assert read["library_name"] == "tfvae"
    assert {"tflite", "saved-model"} <= set(read["tags"])
    assert "license" not in read  # none was recorded
    (result,) = read["model-index"][0]["results"]
    assert result["dataset"]["name"] == "digits"
    assert result["metrics"][0]["value"] == -23.83


def test_it_says_what_is_known_of_model_data_and_training(values: dict[str, Any]) -> None:
    text = page(**values)
    assert text.count("# run, version 7\n") == 1
    assert "| ELBO | -23.83 nats |" in text
    assert "| IWAE, K = 5 | -23.10 nats |" in text
    assert "| prior p(z) | Gaussian, cholesky scale, fixed |" in text
    assert "| networks | mlp, widths 8 |" in text
    assert "| preset | `digits` |" in text
    assert "1,294 train, 144 validation, 359 test" in text
    assert "None" not in text


def test_files_with_the_worse_of_their_errors(values: dict[str, Any]) -> None:
    text = page(**values)
    assert "\n| `decoder.tflite` | 6,789 | 3e-07 | 2e-08 | 130.0 | 0.002% |  |\n" in text
    assert "\n| `scorer.tflite` | 1,000 |  |  |  |  | encode 1e-06, score 2e-06 |\n" in text


def test_a_file_without_any_error_has_no_psnr(values: dict[str, Any]) -> None:
    exact = {"error": {"prior": {"max": 0.0, "mean": 0.0, "psnr": None}}, "elbo_change": 0.0}
    files = {"saved_model": {**values["description"]["files"]["saved_model"], **exact}}
    text = page(**{**values, "description": {**values["description"], "files": files}})
    assert "| `saved_model` | 12,345 | 0 | 0 |  | 0.000% |  |" in text


def test_what_training_found_is_among_the_limits(values: dict[str, Any]) -> None:
    found = {"name": "posterior collapse", "evidence": "0 of 2 latents are active", "advice": "a smaller KL weight"}
    text = page(**{**values, "report": {**values["report"], "diagnosis": [found]}})
    assert "posterior collapse, 0 of 2 latents are active" in text.split("## Intended use and limits")[1]


def test_the_examples_run(
    values: dict[str, Any], version: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(version)
    blocks = re.findall(r"```python\n(.*?)```", page(**values), re.DOTALL)
    assert len(blocks) == 2
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "card", "exec"), names)
    assert names["mean"].shape == (1, 8, 8, 1)
    assert names["sample"]["x"].dtype == np.uint8
    assert "(4, 8, 8, 1) (4, 2)" in capsys.readouterr().out


def test_without_a_saved_model_it_shows_none(values: dict[str, Any]) -> None:
    files = {name: entry for name, entry in values["description"]["files"].items() if name != "saved_model"}
    text = page(**{**values, "description": {**values["description"], "files": files}})
    assert "tf.saved_model" not in text
    assert "saved-model" not in text


class Fourth:
    """A network that tfvae does not know."""

    encoder = decoder = len


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ({"name": "conv", "filters": [4, 8]}, "conv, channels 4-8"),
        ({"name": "resnet", "variant": None}, "resnet, variant small"),
        ({"name": "fourth_network:Fourth"}, "fourth_network:Fourth"),
    ],
)
def test_any_network_is_described(
    network: dict[str, Any], said: str, values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fourth_network", sys.modules[__name__])
    text = page(**{**values, "settings": {**values["settings"], "network": network}})
    assert f"| networks | {said} |" in text


def test_settings_that_a_choice_does_not_have_are_not_missed(values: dict[str, Any]) -> None:
    trained = {**values["settings"], "prior": {"name": "correlated", "trainable": True}}
    assert "| prior p(z) | Gaussian, cholesky scale, trained |" in page(**{**values, "settings": trained})
    read = {**values["settings"], "data": {"name": "npz", "path": "/some/where/x.npz", "binarize": "none"}}
    assert "| source | npz, `x.npz` |" in page(**{**values, "settings": read})
