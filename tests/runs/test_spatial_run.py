"""Latents on a grid from the command line: several samples, a prior correlated along the channels, two replicas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tfvae
from tfvae import train
from tfvae.plots.gallery import Drawn
from tfvae.runs.folder import Run

SETTINGS = [
    "network.name=conv",
    "network.filters=[4,6]",
    "network.latent_shape=[2,2,3]",
    "prior.covariance=[[1,0.5,0],[0.5,1,0.2],[0,0.2,1]]",
    "prior.trainable=true",
    "objective.num_samples=3",
    "training.epochs=2",
    "training.batch_size=128",
    "training.jit=off",
]


def trained(folder: Path, *settings: str, options: tuple[str, ...] = ()) -> Run:
    command = ["--preset", "digits", "--quiet", "--out", str(folder), "--set", *SETTINGS, *settings]
    assert train.main([*options, *command]) == 0
    return Run.open(folder)


def test_the_pictures_that_apply_are_drawn(tmp_path: Path) -> None:
    run = trained(tmp_path / "run")
    drawn = {path.stem for path in run.plots.iterdir()}
    assert {"curves", "samples", "reconstructions", "interpolations", "kl_per_dimension", "covariance"} <= drawn
    assert not {"manifold", "traversals", "latent_scatter", "latent_variance"} & drawn
    report = run.read_json("report.json")
    assert len(report["test"]["kl_per_dimension"]) == 12
    assert report["test"]["iwae"] > report["test"]["elbo"]
    vae = tfvae.load(run.folder)
    assert vae.sample(2, seed=0, details=True).z.shape == (2, 2, 2, 3)


@pytest.mark.usefixtures("mirrored")
def test_two_replicas_are_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tfvae.runs.execution.gallery.draw", lambda *arguments, **options: Drawn([], ""))
    one = trained(tmp_path / "one", "training.precision=float64")
    two = trained(tmp_path / "two", "training.precision=float64", options=("--strategy", "mirrored", "--replicas", "2"))
    for a, b in zip(one.metrics(), two.metrics(), strict=True):
        for name in ("loss", "elbo", "iwae", "kl"):
            np.testing.assert_allclose(a["train"][name], b["train"][name], rtol=1e-9)
            np.testing.assert_allclose(a["validation"][name], b["validation"][name], rtol=1e-9)
