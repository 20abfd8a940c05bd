"""Runs to export: scikit-learn's digits, grey or tinted, or its wines, trained briefly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_wine

from tfvae import config
from tfvae.plots.gallery import Drawn
from tfvae.runs import experiment

TINTS = np.array([1.0, 0.7, 0.4])


@pytest.fixture(scope="session")
def data_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """`grey` and `colour`: npz files of 8x8 digits as bytes; `table`: 13 measurements of wines."""
    folder = tmp_path_factory.mktemp("data")
    grey = (load_digits().images[:900, ..., None] * (255 / 16)).astype(np.uint8)
    files = {"grey": grey, "colour": (grey * TINTS).astype(np.uint8), "table": load_wine().data}
    for name, x in files.items():
        np.savez(folder / f"{name}.npz", x_train=x)
    return {name: folder / f"{name}.npz" for name in files}


@pytest.fixture(scope="session")
def trained(data_files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`trained(name, "grey", "network.name=conv", …)` returns the folder of a finished run, trained once per name."""
    made: dict[str, Path] = {}

    def run(name: str, colours: str = "grey", *settings: str) -> Path:
        if name not in made:
            data = ["data.name=npz", f"data.path={data_files[colours]}", "network.latent_dim=2"]
            quick = ["training.epochs=3", "training.jit=off", "training.batch_size=64", "training.learning_rate=0.003"]
            recipe = config.override(config.Config(), [*data, *quick, *settings])
            folder = tmp_path_factory.mktemp("runs") / name
            with mock.patch(
                "tfvae.plots.gallery.draw", return_value=Drawn([], "")
            ):  # pictures take longer than the training
                experiment.train(recipe, folder, quiet=True)
            made[name] = folder
        return made[name]

    return run


@pytest.fixture(scope="session")
def mlp_run(trained: Any) -> Path:
    """A dense network on grey digits, with a correlated prior."""
    folder: Path = trained("mlp", "grey", "network.hidden=[64, 32]", "prior.covariance=[[1, 0.5], [0.5, 1]]")
    return folder
