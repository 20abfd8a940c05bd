"""The result for an example depends on its seed and index, and on no batch; and its precision on the policy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


@pytest.mark.usefixtures("float64")
def test_any_batch_size_and_any_time_gives_the_same_result(row: Any, built: Any) -> None:
    vae, x, y = built(row), row.examples(5), row.y(5)
    whole = vae.elbo(x, seed=3, y=y)
    for one, same in zip(whole, vae.elbo(x, seed=3, y=y), strict=True):
        np.testing.assert_array_equal(one, same)
    for one, same in zip(whole, vae.elbo(x, seed=3, y=y, batch_size=2), strict=True):
        np.testing.assert_allclose(one, same, rtol=1e-11, atol=1e-11)
    assert np.all(whole.reconstruction != vae.elbo(x, seed=4, y=y).reconstruction)
    assert np.isfinite(whole.elbo).all()
    assert whole.kl_per_dimension.shape == (5, vae.latent_dim)
    mean = vae.reconstruct(x, y)
    assert mean.shape == x.shape
    np.testing.assert_allclose(mean[:1], vae.reconstruct(x[:1], row.y(1)), rtol=1e-11, atol=1e-11)


@pytest.mark.usefixtures("mixed_bfloat16")
def test_bfloat16_networks_give_finite_float32_numbers(row: Any) -> None:
    vae, x = row.build(), row.examples(4).astype("float32")
    result = vae.elbo(x, seed=0, y=row.y(4))
    for terms in (result.elbo, result.reconstruction, result.kl_per_dimension):
        assert terms.dtype == np.float32
        assert np.isfinite(terms).all()
    assert {variable.dtype for variable in vae.trainable_variables} == {"float32"}
    assert {layer.compute_dtype for layer in vae.encoder.layers} >= {"bfloat16", "float32"}
