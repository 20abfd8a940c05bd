"""z = m + L eps and the user's units in the golden cases: the same result in Python, in graphs and in runner.py.

The C++ runner reads the same cases in `edge/test_cpp.py`.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tfvae.data.scaling import Scaling
from tfvae.latent.priors import CorrelatedNormal, DiagonalNormal, Prior, StandardNormal
from tfvae.models import exported

GOLDEN = Path(__file__).parents[1] / "golden"
SCALINGS = json.loads((GOLDEN / "scaling_v1.json").read_text())["cases"]
PRIORS = json.loads((GOLDEN / "prior_v1.json").read_text())["cases"]


@pytest.mark.parametrize("case", SCALINGS, ids=lambda case: case["name"])
def test_the_users_units(case: dict[str, Any]) -> None:
    scaling, model = Scaling.from_dict(case["scaling"]), np.array(case["model"], np.float32)
    in_graph = tf.function(scaling.inverse_in_graph)(tf.constant(model)).numpy()
    for user in (scaling.inverse(model), in_graph):
        assert (user.dtype == np.uint8) == case["scaling"]["integer"]
        np.testing.assert_allclose(user, case["user"], rtol=1e-12, atol=1e-12)
    # TFLite computes in float32.
    lite = scaling.inverse_in_graph(tf.constant(model), tf.float32).numpy()
    np.testing.assert_allclose(lite, case["user"], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("case", SCALINGS, ids=lambda case: case["name"])
def test_the_users_units_in_the_runner(case: dict[str, Any]) -> None:
    runner = pytest.importorskip("tfvae.export.edge.runner", reason="the extra [edge] is not installed")
    user = runner.to_user_units(case["scaling"], np.array(case["model"], np.float32))
    assert (user.dtype == np.uint8) == case["scaling"]["integer"]
    np.testing.assert_allclose(user, case["user"], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", PRIORS, ids=lambda case: case["name"])
def test_z_from_noise(case: dict[str, Any]) -> None:
    prior, eps = _prior(case), tf.constant(case["eps"], tf.float32)
    constants = exported._from_noise(SimpleNamespace(prior=prior))
    for z in (prior.from_noise(eps), constants(eps, None)):
        np.testing.assert_allclose(z, case["z"], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("case", PRIORS, ids=lambda case: case["name"])
def test_z_from_noise_in_the_runner(case: dict[str, Any]) -> None:
    runner = pytest.importorskip("tfvae.export.edge.runner", reason="the extra [edge] is not installed")
    z = runner.from_noise(case["prior"], np.array(case["eps"], np.float32))
    assert z.dtype == np.float32
    np.testing.assert_allclose(z, case["z"], rtol=1e-6, atol=1e-6)


def _prior(case: dict[str, Any]) -> Prior:
    *grid, size = case["latent_shape"]
    mean, rows = case["prior"]["mean"], case["prior"]["scale_tril"]
    factor = np.array([row + [0.0] * (size - len(row)) for row in rows])
    if case["prior"]["kind"] == "standard":
        return StandardNormal(size, grid)
    if case["prior"]["kind"] == "diagonal":
        return DiagonalNormal(size, mean, np.square(np.diag(factor)), grid=grid)
    return CorrelatedNormal(size, mean, factor @ factor.T, grid=grid)
