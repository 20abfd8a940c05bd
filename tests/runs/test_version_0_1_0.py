"""Runs of version 0.1.0 load and resume: two of them are in `tests/golden`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import tfvae
from tfvae import config as configuration
from tfvae.data import load
from tfvae.export import Options, export
from tfvae.plots import gallery
from tfvae.runs import experiment
from tfvae.runs.folder import Run

GOLDEN = Path(__file__).parents[1] / "golden" / "runs_v0.1.0"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text())


@pytest.fixture
def golden(tmp_path, monkeypatch):
    """A copy of one of the runs; pictures have tests of their own."""
    monkeypatch.setattr(gallery, "draw", lambda *arguments, **options: None)
    return lambda name: Path(shutil.copytree(GOLDEN / name, tmp_path / name))


def magnitudes(model):
    return [float(np.abs(weight, dtype=np.float64).sum()) for weight in model.get_weights()]


def test_a_run_that_was_stopped_goes_on(golden):
    """Bit-exact on one machine; elsewhere float32 rounding (1e-7 a step) is amplified by the ten steps of Adam.

    A run that started again, or whose optimizer did, differs by 1e-2 and more.
    """
    folder = golden("stopped")
    report = experiment.resume(folder, quiet=True)
    assert report["test"]["elbo"] == pytest.approx(EXPECTED["stopped"]["test_elbo"], rel=1e-3)
    assert magnitudes(tfvae.load(folder)) == pytest.approx(EXPECTED["stopped"]["weights_sum"], rel=1e-3)
    lines, before = Run.open(folder).metrics(), Run.open(GOLDEN / "stopped").metrics()
    assert [line["step"] for line in lines] == [5, 10, 15]
    assert lines[0] == before[0]


def test_a_run_that_ended_is_the_same_model(golden):
    """Up to the rounding of float32 in sums of so many terms, each of the size of the largest."""
    folder, expected = golden("ended"), EXPECTED["ended"]
    run, model = Run.open(folder), tfvae.load(folder)
    epsilon, widest = np.finfo(np.float32).eps, 64  # no layer sums more terms
    np.testing.assert_allclose(magnitudes(model), expected["weights_sum"], rtol=1e-12)
    samples = model.sample(3, seed=4, details=True)
    np.testing.assert_allclose(samples.z, expected["z"], rtol=widest * epsilon)
    sums = samples.x.reshape(3, -1).sum(axis=1, dtype=np.float64)
    atol = widest * epsilon * np.abs(samples.x).sum(axis=1).max()
    np.testing.assert_allclose(sums, expected["x_sum"], rtol=0, atol=atol)
    data = load.load(run.config.data, run.config.seed)
    elbo = model.elbo(data.scaling.forward(data.test.x[:4]), seed=2)
    np.testing.assert_allclose(elbo.elbo, expected["elbo"], rtol=widest * epsilon * samples.x[0].size)
    np.testing.assert_allclose(elbo.kl, expected["kl"], rtol=0, atol=widest * epsilon * 2)


def test_a_run_that_ended_is_made_longer(golden):
    folder = golden("ended")
    config = configuration.override(Run.open(folder).config, ["training.epochs=6"])
    report = experiment.resume(folder, config, quiet=True)
    assert report["epochs"] == 6
    assert Run.open(folder).metrics()[:4] == Run.open(GOLDEN / "ended").metrics()
    assert np.isfinite(report["test"]["elbo"])


@pytest.mark.slow
def test_a_run_that_ended_is_exported(golden):
    folder = golden("ended")
    version = export(folder, Options(quantize=["none"], generator=True), say=lambda line: None)
    described = json.loads((version / "decoder.json").read_text())
    assert (described["noise_version"], described["condition"], described["latent_shape"]) == (1, None, [2])
    assert {"saved_model", "decoder.tflite", "generator.tflite"} == set(described["files"])
    model = tfvae.load(folder)
    np.testing.assert_allclose(described["prior"]["mean"], model.prior.mean, rtol=np.finfo(np.float32).eps)
    assert described["prior"]["kind"] == "cholesky"
