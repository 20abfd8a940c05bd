"""A few steps of `fit` raise the ELBO."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.tolerance import rounding


def test_the_elbo_rises(covering_row: Any) -> None:
    vae, x = covering_row.build(), covering_row.examples(64).astype("float32")
    y = covering_row.y(64)
    before = vae.elbo(x, seed=0, y=y).elbo.mean()
    history = vae.fit(x, y, epochs=4, batch_size=16, learning_rate=5e-3, jit="off", verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert history["loss"][-1] < history["loss"][0]
    slack = rounding("float32", x[0].size + 16, np.abs(history["loss"]).max() + 2 * x[0].size)  # batches of 16
    np.testing.assert_allclose(history["loss"], -np.array(history["elbo"]), rtol=0, atol=slack)
    assert vae.elbo(x, seed=0, y=y).elbo.mean() > before
