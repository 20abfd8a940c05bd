"""Parts of a package outside tfvae, named `package.module:Class`: for training, and never because a file says so."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

import tfvae
from tfvae import catalog, plot, train
from tfvae.errors import UserError
from tfvae.runs.folder import Run

ROOT = Path(__file__).parents[1]
PARTS = '''\
"""A prior, a likelihood and a network, as a user would write them."""

import pathlib
from dataclasses import dataclass

import keras

from tfvae.config import option
from tfvae.latent.priors import DiagonalNormal
from tfvae.likelihoods import Laplace

pathlib.Path(__file__).with_name("imported").touch()


@keras.saving.register_keras_serializable(package="outside")
class Wide(DiagonalNormal):
    @dataclass(frozen=True)
    class Settings:
        spread: float = option(2.0, "scale of every dimension", above=0.0)

    def __init__(self, latent_dim, spread=2.0, **kwargs):
        super().__init__(latent_dim, variance=[spread**2] * latent_dim, **kwargs)
        self.spread = spread

    def get_config(self):
        values = {**super().get_config(), "spread": self.spread}
        return {key: value for key, value in values.items() if key not in ("mean", "variance", "trainable")}


class Unregistered(Laplace):
    pass


class Narrow:
    def encoder(input_shape, latent_dim, activation, z_log_var_range):
        x = keras.Input(input_shape)
        features = keras.layers.Dense(4, activation)(keras.layers.Flatten()(x))
        return keras.Model(x, [keras.layers.Dense(latent_dim)(features), keras.layers.Dense(latent_dim)(features)])

    def decoder(output_shape, latent_dim, parameters, activation):
        z = keras.Input([latent_dim])
        (name,) = parameters
        count = 1
        for size in output_shape:
            count *= size
        return keras.Model(z, keras.layers.Reshape(output_shape, name=name)(keras.layers.Dense(count)(z)))
'''
NAMED = [
    "network.name=outside.parts:Narrow",
    "network.latent_dim=2",
    "prior.name=outside.parts:Wide",
    "prior.spread=3",
    "likelihood.name=outside.parts:Unregistered",
    "data.scaling=unit",
]
QUICK = ["training.epochs=1", "training.batch_size=128", "training.jit=off"]
SECTIONS = list(catalog.KINDS)


def write_package(folder: Path, name: str = "outside") -> Path:
    package = folder / name
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "parts.py").write_text(PARTS)
    return package


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with a network, a prior and a likelihood of a package that lies beside it."""
    folder = tmp_path_factory.mktemp("code")
    write_package(folder)
    command = [sys.executable, "-m", "tfvae.train", "--out", "run", "--quiet", "--set", *NAMED, *QUICK]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return folder / "run"


@pytest.fixture
def run(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the run, beside a copy of the package that nobody has imported yet."""
    package = write_package(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == package.name]:
        monkeypatch.delitem(sys.modules, name)
    yield shutil.copytree(trained, tmp_path / "run")
    for name in [name for name in sys.modules if name.partition(".")[0] == package.name]:
        del sys.modules[name]


def imported(run: Path) -> bool:
    return (run.parent / "outside" / "imported").exists()


def refusal(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "--allow-code outside" in said
    return said


@pytest.mark.slow
def test_the_run_keeps_the_names_and_their_settings(trained: Path) -> None:
    kept = yaml.safe_load((trained / "config.yaml").read_text())
    assert kept["prior"] == {"name": "outside.parts:Wide", "spread": 3.0}
    assert kept["likelihood"] == {"name": "outside.parts:Unregistered"}
    assert kept["network"]["latent_dim"] == 2
    assert np.isfinite(json.loads((trained / "report.json").read_text())["test"]["elbo"])


@pytest.mark.slow
def test_a_run_folder_imports_nothing(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match=r"prior.name|network.name"):
        tfvae.load(run)
    assert train.main(["--out", str(run), "--resume"]) == 2
    assert "config.yaml: network.name: names code, outside.parts:Narrow" in refusal(capsys)
    assert train.main(["--out", str(run), "--resume", "--allow-code", "another"]) == 2
    refusal(capsys)
    assert train.main(["--out", str(run), "--resume", "--set", "network.name=mlp"]) == 2
    refusal(capsys)
    assert plot.main([str(run)]) == 2
    refusal(capsys)
    export = pytest.importorskip("tfvae.export.__main__")
    assert export.main([str(run), "--formats", "saved_model"]) == 2
    refusal(capsys)
    assert not imported(run)


@pytest.mark.slow
def test_allow_code_takes_it(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    allowed = ["--allow-code", "another", "--allow-code", "outside"]
    vae = tfvae.load(run, allow_code=["outside"])
    assert imported(run)
    assert type(vae.prior).__name__ == "Wide"
    assert type(vae.likelihood).__name__ == "Unregistered"
    np.testing.assert_allclose(vae.prior.scale, [3.0, 3.0], rtol=1e-6)
    resumed = ["--out", str(run), "--resume", "--quiet", *allowed, "--set", "training.epochs=2"]
    assert train.main(resumed) == 0, capsys.readouterr().err
    assert Run.open(run, ["outside"]).read_json("report.json")["epochs"] == 2
    shutil.rmtree(run / "plots")
    assert plot.main([str(run), *allowed]) == 0, capsys.readouterr().err
    assert (run / "plots" / "curves.png").is_file()


@pytest.mark.slow
def test_a_model_imports_nothing(run: Path) -> None:
    """The settings are harmless: only `model.keras` names code."""
    values = yaml.safe_load((run / "config.yaml").read_text())
    values = {**values, "network": {"name": "mlp"}, "prior": {"name": "standard"}, "likelihood": {"name": "laplace"}}
    (run / "config.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(UserError, match=r"model.keras: names code, outside.parts:Wide, .* pass --allow-code outside"):
        tfvae.load(run)
    assert not imported(run)
    assert type(tfvae.load(run, allow_code=["outside"]).prior).__name__ == "Wide"


@pytest.mark.slow
@pytest.mark.parametrize("module", ["keras_hub.evil", "outside.parts", "os"])
def test_a_model_that_hides_a_module_deep_inside(run: Path, module: str, tmp_path: Path) -> None:
    values = yaml.safe_load((run / "config.yaml").read_text())
    values = {**values, "network": {"name": "mlp"}, "prior": {"name": "standard"}, "likelihood": {"name": "laplace"}}
    (run / "config.yaml").write_text(yaml.safe_dump(values))
    with zipfile.ZipFile(run / "model.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    text = members["config.json"].decode().replace("outside.parts", "tfvae.latent.priors")
    members["config.json"] = text.replace('"keras.layers"', f'"{module}"', 1).encode()
    with zipfile.ZipFile(run / "model.keras", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(UserError, match=rf"names code, {module}:"):
        tfvae.load(run)
    assert not imported(run)


@pytest.mark.parametrize("section", SECTIONS)
def test_a_preset_imports_nothing(
    section: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package = write_package(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "evil.yaml").write_text(f"{section}: {{name: 'outside.parts:Wide', spread: 2}}")
    assert train.main(["--preset", str(tmp_path / "evil.yaml"), "--out", str(tmp_path / "run")]) == 2
    said = refusal(capsys)
    assert f"evil.yaml: {section}.name: names code, outside.parts:Wide, which a file may not do by default" in said
    assert not (package / "imported").exists()
    assert not (tmp_path / "run").exists()
