"""The golden vectors of the noise match every exported file: a seed gives the same z."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.tolerance import NOISE
from tfvae import VAE, CorrelatedNormal, StandardNormal, networks, noise
from tfvae.config.network import Mlp
from tfvae.export import saved_model, tflite

litert = pytest.importorskip("ai_edge_litert.interpreter")

WIDTH, COUNT = 8, 4
COVARIANCE = np.fromfunction(lambda i, j: 0.7 ** np.abs(i - j), (WIDTH, WIDTH))
PRIORS = {
    "standard": lambda: StandardNormal(WIDTH),
    "correlated": lambda: CorrelatedNormal(WIDTH, np.linspace(-1, 1, WIDTH), COVARIANCE),
}
ROWS = [
    row
    for row in json.loads((Path(__file__).parents[1] / "golden" / "noise_v1.json").read_text())["rows"]
    if (row["purpose"], row["step"], row["sample"], row["width"]) == (noise.PRIOR, 0, 0, WIDTH)
    and row["example"] < COUNT
]


@pytest.fixture(scope="module", params=PRIORS)
def vae(request: pytest.FixtureRequest) -> VAE:
    encoder, decoder = networks.build(Mlp(hidden=(4,), latent_dim=WIDTH), (2, 2, 1))
    return VAE(encoder, decoder, PRIORS[request.param]())


@pytest.fixture(scope="module", params=["saved_model", "generator"])
def sample(
    request: pytest.FixtureRequest, vae: VAE, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[int], np.ndarray]:
    """z of the first samples of a seed."""
    if request.param == "generator":
        run = litert.Interpreter(model_content=tflite.generator(vae, [COUNT])).get_signature_runner("sample")
        return lambda seed: run(seed=np.array([seed], np.int64).view(np.int32))["z"]
    folder = tmp_path_factory.mktemp("noise") / "saved_model"
    saved_model.write(vae, folder)
    loaded = tf.saved_model.load(str(folder))
    count = tf.constant(COUNT, tf.int64)
    return lambda seed: loaded.signatures["sample"](seed=tf.constant(seed, tf.int64), n=count)["z"].numpy()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_a_golden_vector(row: dict, vae: VAE, sample: Callable[[int], np.ndarray]) -> None:
    rows = len(row["normals"]) // WIDTH
    eps = np.array(row["normals"][: rows * WIDTH]).reshape(rows, WIDTH)
    wanted = np.asarray(vae.prior.mean) + eps @ np.asarray(vae.prior.scale_tril).T
    got = sample(row["seed"])[row["example"] : row["example"] + rows]
    np.testing.assert_allclose(got, wanted, atol=NOISE)


def test_there_are_golden_vectors_to_hold_to() -> None:
    assert len(ROWS) >= 2
    assert all(len(row["normals"]) >= WIDTH for row in ROWS)
