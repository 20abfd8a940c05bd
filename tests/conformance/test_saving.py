"""A saved model, and one made anew from its configuration, is the same model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfvae.models import VAE


def test_saved_and_loaded_gives_the_same_elbo_and_samples_to_the_bit(covering_row: Any, tmp_path: Path) -> None:
    vae, x = covering_row.build(), covering_row.examples(3).astype("float32")
    for variable in vae.trainable_variables:  # away from what a fresh model would have
        variable.assign_add(0.01 * np.random.default_rng(1).standard_normal(variable.shape))
    vae.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    for one, other in zip(*(model.elbo(x, seed=2, y=covering_row.y(3)) for model in (vae, loaded)), strict=True):
        np.testing.assert_array_equal(one, other)
    drawn = vae.sample(3, seed=4, draw=True, details=True)
    assert drawn.x.shape == (3, *covering_row.shape)
    np.testing.assert_array_equal(drawn.x, loaded.sample(3, seed=4, draw=True))


def test_configuration_round_trip(row: Any, built: Any) -> None:
    vae = built(row)
    config = vae.get_config()
    other = VAE.from_config(config)
    assert other.get_config() == config == vae.get_config()
    assert type(other.prior) is type(vae.prior)
    assert type(other.likelihood) is type(vae.likelihood)
    assert [variable.path for variable in other.trainable_variables] == [v.path for v in vae.trainable_variables]
    z = np.zeros((2, *vae.latent_shape))
    other.set_weights(vae.get_weights())
    np.testing.assert_array_equal(vae.decode(z, row.y(2)), other.decode(z, row.y(2)))
