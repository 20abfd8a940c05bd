"""`python -m tfvae.plot RUN`: help, bad input, and a run drawn again."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tfvae import config, plot
from tfvae.errors import UserError
from tfvae.runs.folder import Run


def test_help_needs_no_tensorflow_and_names_the_pictures():
    code = (
        "import sys; from tfvae import plot\ntry: plot.main(['--help'])\nexcept SystemExit as end: status = end.code\n"
        "sys.exit(status or 'tensorflow' in sys.modules or 'matplotlib' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    for word in ("RUN", "manifold_slices", "class_samples", "conditioned on class labels", "nats", "example:"):
        assert word in result.stdout


def test_a_folder_that_is_no_run_is_one_sentence_and_status_2(tmp_path, capsys):
    assert plot.main([str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("tfvae: ")
    assert str(tmp_path) in said
    assert said.count("\n") == 1


def test_a_run_that_has_not_ended_says_how_to_go_on(tmp_path, capsys):
    Run.create(tmp_path / "run", config.Config(), {})
    assert plot.main([str(tmp_path / "run")]) == 2
    assert "--resume" in capsys.readouterr().err


def test_debug_shows_the_traceback(tmp_path):
    with pytest.raises(UserError):
        plot.main([str(tmp_path), "--debug"])


@pytest.mark.slow
def test_a_run_is_drawn_again(tmp_path, capsys):
    from tfvae import networks
    from tfvae.data.load import load
    from tfvae.models.vae import VAE

    settings = config.override(config.Config(), ["network.hidden=[8]", "network.latent_dim=2"])
    run = Run.create(tmp_path / "run", settings, {})
    data = load(settings.data, settings.seed)
    encoder, decoder = networks.build(settings.network, data.shape, ("logits",))
    VAE(encoder, decoder, scaling=data.scaling).save(run.model)
    run.append_metrics({"epoch": 1, "step": 1, "train": {"loss": 40.0}, "validation": {"loss": 41.0}})
    assert plot.main([str(run.folder)]) == 0
    output = capsys.readouterr()
    said = output.out.split()
    assert str(run.plots / "manifold.png") in said
    assert "Left out: " in output.err
    assert "no fingerprint" in output.err
    assert sorted(said) == sorted(str(path) for path in run.plots.iterdir())
