"""What tutorials do, line by line."""

from __future__ import annotations

import re
from pathlib import Path

import keras
import numpy as np
import pytest

import tfvae
from tests.habits.conftest import SHAPE, build, fit

PAGE = Path(__file__).parents[2] / "docs" / "keras.md"


def test_the_page_runs_as_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(block, "keras.md", "exec"), names)
    assert names["reconstruction"].shape == (297, 8, 8, 1)
    assert names["drawn"].shape == (8, 8)
    assert names["decoded"].shape == (4, 8, 8, 1)
    assert names["again"].trained.steps == 5 * 30


@pytest.mark.filterwarnings("ignore:kl_loss_weight")
def test_the_style_of_older_tutorials(tmp_path):
    x = np.random.default_rng(0).random([64, 28, 28, 1]).astype(np.float32)
    model = tfvae.VAE.from_variant("small", input_shape=(28, 28, 1), latent_dim=2, kl_loss_weight=0.5)
    model.compile(optimizer=keras.optimizers.Adam(1e-3))
    model.fit(x, epochs=1, batch_size=32, validation_data=(x[:16],), verbose=0)
    assert model.predict(x[:5])["reconstruction"].shape == (5, 28, 28, 1)
    assert model.sample(num_samples=15)[3, :, :, 0].shape == (28, 28)
    assert model.decode(np.random.default_rng(0).normal(size=(4, 2))).shape == (4, 28, 28, 1)
    model.save(tmp_path / "m.keras")
    assert keras.models.load_model(tmp_path / "m.keras").sample(1).shape == (1, 28, 28, 1)


def test_a_clone_has_the_settings_and_new_weights():
    vae = build(kl_weight=2.0)
    fit(vae, np.zeros([32, *SHAPE], np.uint8), epochs=1)
    clone = keras.models.clone_model(vae)
    assert clone.objective.kl_weight == 2.0
    assert not np.array_equal(clone.get_weights()[0], vae.get_weights()[0])
    assert clone.trained.steps == 0


def test_keras_s_own_export_is_refused_with_the_way_to_do_it(vae):
    with pytest.raises(tfvae.UserError, match=r"use tfvae\.export\.export\(model, x_test, 'there'\)"):
        vae.export("there")
