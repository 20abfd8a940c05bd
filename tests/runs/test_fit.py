"""`tfvae.runs.fit`: `VAE.fit` as Keras users expect it."""

from __future__ import annotations

import signal

import keras
import numpy as np
import pytest

import tfvae
from tests.tolerance import fan_in, rounding
from tfvae import networks
from tfvae.config.network import Mlp
from tfvae.errors import UserError
from tfvae.runs.progress import Reporter

X = np.random.default_rng(0).integers(0, 256, [70, 4, 4, 1]).astype(np.uint8)
TERMS = {"loss", "elbo", "reconstruction", "kl", "kl_per_dimension", "active_units"}


def make_vae(**objective):
    keras.utils.set_random_seed(0)
    return tfvae.VAE(*networks.build(Mlp(hidden=(8,), latent_dim=2), (4, 4, 1)), **objective)


def slack(vae):
    """The relative tolerance of a loss of 4x4 values, the mean of 16 examples."""
    return rounding("float32", fan_in(vae.encoder, vae.decoder) + 4 * 4 + 16)


def fit(vae, *arguments, **options):
    return vae.fit(*arguments, **{"batch_size": 16, "verbose": 0, "jit": "off", **options})


def test_history_with_validation(capsys):
    vae = make_vae()
    history = fit(vae, X, epochs=2, validation_data=X[:10])
    assert isinstance(history, keras.callbacks.History)
    assert history.epoch == [0, 1]
    train = TERMS | {"gradient_norm", "kl_weight", "examples_per_second"}
    assert set(history.history) == train | {f"val_{name}" for name in TERMS}
    assert all(len(values) == 2 for values in history.history.values())
    assert history.history["val_loss"][1] == pytest.approx(vae.evaluate(X[:10])["loss"], rel=slack(vae))
    assert capsys.readouterr() == ("", "")


def test_without_validation_it_talks_and_says_what_it_drops(capsys):
    history = fit(make_vae(), X, epochs=2, verbose=1)
    assert not any(name.startswith("val_") for name in history.history)
    said = capsys.readouterr().out
    assert "each epoch drops the 6 examples of its last partial batch." in said
    assert "epoch 2/2: ELBO " in said


def test_integers_set_the_scaling_and_floats_leave_it():
    vae = make_vae()
    by_floats = fit(vae, X / np.float32(255), epochs=1).history["loss"]
    assert vae.scaling.kind == "none"
    vae = make_vae()
    by_integers = fit(vae, X, epochs=1).history["loss"]
    assert (vae.scaling.kind, vae.sample(2, seed=0).dtype) == ("unit", np.uint8)
    assert by_integers == pytest.approx(by_floats, rel=slack(vae))


def test_the_compiled_optimizer_is_used():
    vae, still = make_vae(), make_vae()
    vae.compile(optimizer=keras.optimizers.SGD(1e-30))
    fit(vae, X, epochs=2)
    for got, start in zip(vae.get_weights(), still.get_weights(), strict=True):
        np.testing.assert_allclose(got, start, rtol=0, atol=1e-20)
    assert int(vae.optimizer.iterations.numpy()) == 8
    assert fit(still, X, epochs=2).history["loss"][1] < fit(vae, X, epochs=1).history["loss"][0]


def test_the_seed_decides():
    got = [fit(make_vae(), X, epochs=1, seed=seed).history["loss"] for seed in (0, 0, 1)]
    assert got[0] == got[1] != got[2]


@pytest.mark.parametrize(("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_a_signal_ends_it_between_steps_with_the_weights_so_far(monkeypatch, number, error):
    monkeypatch.setattr(Reporter, "progress", lambda self, epochs: epochs < 1 or signal.raise_signal(number))
    vae, start = make_vae(), make_vae().get_weights()
    before = signal.getsignal(number)
    with pytest.raises(error) as caught:
        fit(vae, X, epochs=50)
    assert caught.type is KeyboardInterrupt or caught.value.code == 143
    assert signal.getsignal(number) is before
    assert not np.array_equal(vae.get_weights()[0], start[0])


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        ((X[:5],), {}, r"training\.batch_size: got 16, expected at most the 5"),
        ((X[:, :3],), {}, r"got shape .*3, 4, 1"),
        ((X,), {"clipnorm": 1.0}, r"fit: no argument clipnorm \(did you mean clip_norm\?\)"),
        ((X,), {"precision": "float64"}, r"fit: no argument precision"),
        ((X,), {"epochs": 0}, r"training\.epochs: got 0, expected at least 1"),
        ((X, np.zeros(3)), {}, r"labels of shape \[3\] for 70 examples"),
        ((X / np.float32(16),), {}, r"Bernoulli needs \[0, 1\]"),
        ((X,), {"validation_data": X[:, :3]}, "expected the same shape"),
        ((X,), {"optimizer": "adma"}, r"did you mean adam"),
    ],
)
def test_what_cannot_be_is_one_sentence(arguments, options, said):
    with pytest.raises(UserError, match=said):
        fit(make_vae(), *arguments, **options)


def test_the_optimizer_is_said_once():
    vae = make_vae()
    vae.compile(optimizer="sgd")
    with pytest.raises(UserError, match="fit: got learning_rate, but compile chose the optimizer"):
        fit(vae, X, epochs=1, learning_rate=0.1)


def test_a_value_that_was_finite_in_no_step_of_an_epoch_is_nan_in_the_history():
    from tfvae.runs.fit import _history

    lines = [
        {"epoch": 1, "train": {"loss": 2.0, "gradient_norm": 1.0}, "validation": {"loss": 3.0}},
        {"epoch": 2, "train": {"loss": 1.0}, "validation": {"loss": 2.0}},
    ]
    history = _history(make_vae(), lines).history
    assert history["loss"] == [2.0, 1.0]
    assert history["val_loss"] == [3.0, 2.0]
    np.testing.assert_array_equal(history["gradient_norm"], [1.0, np.nan])
