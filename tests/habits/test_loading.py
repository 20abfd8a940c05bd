"""`keras.models.load_model` in a process that imported tfvae, in whatever order, and nothing else of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tfvae import VAE


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    vae = VAE.from_variant("micro", (8, 8, 1), 2, likelihood="laplace")
    vae.compile(optimizer="adam")
    path = tmp_path_factory.mktemp("model") / "m.keras"
    vae.save(path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    "imports",
    [
        "import tfvae; assert 'keras' not in sys.modules; import tensorflow; import keras",
        "import tfvae.latent.priors; import keras",
    ],
)
def test_a_model_loads_after_importing_tfvae(file, imports):
    code = f"import sys; {imports}; print(keras.models.load_model({str(file)!r}).sample(3, seed=0).shape)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == "(3, 8, 8, 1)"
