"""A call of `fit` goes on from where the one before ended, whatever lies between them."""

from __future__ import annotations

import copy
import pickle
import signal

import keras
import numpy as np
import pytest

from tests.habits.conftest import FLOATS, X, build, fit
from tfvae import UserError
from tfvae.runs.progress import Reporter


def compiled(**arguments):
    vae = build(**arguments)
    vae.compile(optimizer=keras.optimizers.Adam(1e-2))
    return vae


def same(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def whole():
    """Four epochs in one call, with a warm-up that ends in the third."""
    vae = compiled(kl_schedule="linear", kl_warmup=2.5)
    return vae, fit(vae, X, epochs=4).history


def test_four_calls_of_one_epoch_are_one_of_four(whole):
    vae = compiled(kl_schedule="linear", kl_warmup=2.5)
    parts = [fit(vae, X, epochs=1).history for _ in range(4)]
    for name in ("loss", "elbo", "kl_weight"):
        assert [part[name][0] for part in parts] == whole[1][name]
    same(vae, whole[0])
    assert int(vae.optimizer.iterations.numpy()) == 24


def test_without_compile_too():
    one, other = build(), build()
    losses = fit(one, X, epochs=3, learning_rate=1e-2).history["loss"]
    assert [fit(other, X, epochs=1, learning_rate=1e-2).history["loss"][0] for _ in range(3)] == losses
    assert int(other.optimizer.iterations.numpy()) == 18


@pytest.mark.parametrize("way", ["save", "pickle", "deepcopy"])
def test_a_copy_goes_on_as_the_model_would(whole, way, tmp_path):
    vae = compiled(kl_schedule="linear", kl_warmup=2.5)
    fit(vae, X, epochs=2)
    if way == "save":
        vae.save(tmp_path / "m.keras")
        again = keras.models.load_model(tmp_path / "m.keras")
    else:
        again = pickle.loads(pickle.dumps(vae)) if way == "pickle" else copy.deepcopy(vae)
    fit(again, X, epochs=2)
    same(again, whole[0])


def test_what_fit_chose_is_chosen_after_loading(tmp_path):
    vae = build()
    fit(vae, X, epochs=1, learning_rate=1e-2)
    vae.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    fit(again, X, epochs=1, learning_rate=1e-3)
    assert int(again.optimizer.iterations.numpy()) == 12
    assert float(again.optimizer.learning_rate) == pytest.approx(1e-3)


def test_examples_of_the_same_shape_compile_nothing(vae):
    fit(vae, X, epochs=1, validation_data=X[:10])
    loop = vae.session.loop
    traced = loop._step._call.experimental_get_tracing_count(), loop._validation._call.experimental_get_tracing_count()
    fit(vae, np.ascontiguousarray(X[::-1]), epochs=2, validation_data=X[10:20])
    assert vae.session.loop is loop
    after = loop._step._call.experimental_get_tracing_count(), loop._validation._call.experimental_get_tracing_count()
    assert after == traced


def test_other_examples_are_really_trained_on(vae):
    again = compiled()
    for model, second in ((vae, X), (again, 255 - X)):
        fit(model, X, epochs=1)
        fit(model, second, epochs=1)
    assert not np.array_equal(vae.get_weights()[0], again.get_weights()[0])


def test_other_shapes_and_settings_go_on_too(vae):
    fit(vae, X, epochs=1)
    fit(vae, X[:50], epochs=1, batch_size=10)
    fit(vae, FLOATS, epochs=1, clip_norm=1.0)
    assert (vae.trained.steps, vae.trained.orders, int(vae.optimizer.iterations.numpy())) == (6 + 5 + 6, 3, 17)


def test_memory_of_the_examples_is_given_back(vae):
    fit(vae, X, epochs=1)
    assert vae.session.loop._batches.feed._x.shape[1:].num_elements() == 2  # 16 bytes, packed
    assert len(vae.session.loop._batches.feed._x.numpy()) == 0


def test_a_decay_covers_each_call():
    vae = build()
    for _ in range(2):
        fit(vae, X, epochs=2, learning_rate=1e-2, learning_rate_schedule="cosine")
        assert float(vae.optimizer.learning_rate) == pytest.approx(0, abs=1e-9)
    before = vae.get_weights()[0].copy()
    fit(vae, X, epochs=1, learning_rate=1e-2, learning_rate_schedule="cosine")
    assert np.abs(vae.get_weights()[0] - before).max() > 1e-3


def test_initial_epoch_counts_as_in_keras(vae):
    assert fit(vae, X, epochs=5, initial_epoch=3).epoch == [3, 4]
    assert vae.trained.steps == 12
    assert fit(vae, X, epochs=2, initial_epoch=2).epoch == []
    with pytest.raises(UserError, match="initial_epoch=-1"):
        fit(vae, X, initial_epoch=-1)


def test_after_ctrl_c_the_model_is_usable_and_goes_on(vae, monkeypatch):
    progress = Reporter.progress
    monkeypatch.setattr(Reporter, "progress", lambda self, epochs: epochs < 1.5 or signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        fit(vae, X, epochs=50, steps_per_call=1)
    assert (vae.trained.steps, vae.trained.orders) == (9, 2)
    assert np.isfinite(vae.elbo(X, seed=0).elbo).all()
    monkeypatch.setattr(Reporter, "progress", progress)
    fit(vae, X, epochs=1)
    assert (vae.trained.steps, vae.trained.orders) == (15, 3)


def test_compiled_again_the_optimizer_is_new_and_the_noise_is_not(vae):
    fit(vae, X, epochs=1)
    vae.compile(optimizer="sgd")
    fit(vae, X, epochs=1)
    assert (int(vae.optimizer.iterations.numpy()), vae.trained.steps) == (6, 12)


def test_a_frozen_part_stays(vae):
    fit(vae, X, epochs=1)
    vae.encoder.trainable = False
    vae.compile(optimizer="adam")
    before = vae.encoder.get_weights()[0].copy()
    fit(vae, X, epochs=1)
    np.testing.assert_array_equal(vae.encoder.get_weights()[0], before)


def test_several_models_in_one_process_draw_no_warning(caplog):
    for count in range(40, 47):
        fit(build(), X[:count], epochs=1)
    assert "retracing" not in caplog.text
