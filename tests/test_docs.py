"""docs/extending.md and docs/noise.md are true: their code runs, and the parts of the former train."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tfvae
from tfvae import train
from tfvae.data import load
from tfvae.plots.subject import Subject
from tfvae.runs.folder import Run

DOCS = Path(__file__).parents[1] / "docs"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The run that the page's command makes, with every part of the page, made short."""
    folder = tmp_path_factory.mktemp("extending")
    (folder / "mine.py").write_text("\n\n".join(blocks("extending.md", "python")))
    [command] = blocks("extending.md", "bash")
    program = "python -m tfvae.train "
    assert command.startswith(program)
    arguments = shlex.split(command.removeprefix(program))
    quick = ["training.epochs=2", "training.batch_size=64", "training.jit=off", "prior.scale=0.7"]
    optimizer = "training.optimizers.probe.learning_rate=0.01"
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(folder))
        assert train.main([*arguments, *quick, optimizer, "--quiet", "--out", str(folder / "run")]) == 0
        yield Run.open(folder / "run", allow_code=["mine"])


def test_the_parts_train_and_are_saved(run: Any) -> None:
    first, last = run.metrics()
    assert last["train"]["loss"] < first["train"]["loss"]
    assert {"offset", "probe/loss", "elbo"} <= set(last["validation"])
    vae, parts = tfvae.load(run.folder, allow_code=["mine"]), sys.modules["mine"]
    assert type(vae) is parts.Watched
    assert (type(vae.prior), vae.prior.scale) == (parts.LaplacePrior, 0.7)
    assert (type(vae.posterior), type(vae.likelihood)) == (parts.SharedScale, parts.Logistic)
    assert float(vae.posterior.log_var) != 0
    x = load.for_recipe(run.config).test.x[:8]
    bound = vae.log_likelihood(x, samples=20, seed=0)
    assert np.isfinite(bound.log_likelihood).all()
    assert vae.elbo(x, seed=0).elbo.mean() < bound.mean


def test_samples_of_the_prior_are_of_its_density(run: Any) -> None:
    prior = tfvae.load(run.folder, allow_code=["mine"]).prior
    z = np.abs(tfvae.load(run.folder, allow_code=["mine"]).sample(20_000, seed=0, details=True).z).ravel()
    # |z| of a Laplace(0, s) is exponential of mean s; the error of that mean is s / sqrt(n).
    assert abs(z.mean() - prior.scale) < 5 * prior.scale / np.sqrt(len(z))
    density = prior.log_prob(np.zeros((1, 2), "float32"))
    np.testing.assert_allclose(density, 2 * -np.log(2 * prior.scale), rtol=1e-6)


def test_pictures_that_need_more_are_left_out(run: Any) -> None:
    drawn = {path.stem for path in run.plots.iterdir()}
    assert {"samples", "reconstructions", "curves"} <= drawn
    assert not {"manifold", "traversals", "latent_variance"} & drawn
    figure = sys.modules["mine"].code_lengths(
        Subject(tfvae.load(run.folder, allow_code=["mine"]), load.for_recipe(run.config))
    )
    assert figure.axes[0].get_xlabel() == "|z_mean| (latent units)"
    assert sys.modules["mine"].CODE_LENGTHS.needs == {"vector latents"}


def test_the_example_of_the_noise(capsys: Any) -> None:
    [block] = blocks("noise.md", "python")
    exec(compile(block, "docs/noise.md", "exec"), {})
    assert capsys.readouterr().out == "(64, 20) 13\n"
