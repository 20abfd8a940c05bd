"""Arguments of Keras that do not apply are refused by name, with the way to do it; the others do what Keras's do."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.habits.conftest import FLOATS, X, build, fit
from tfvae import UserError


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"shuffle": False},
            "shuffle=False; examples are always shuffled; to keep their order, pass a tf.data",
        ),
        ({"sample_weight": np.ones(96)}, "sample_weight=ndarray; examples have no weights; repeat those"),
        ({"class_weight": {0: 1.0}}, "class_weight=dict; examples have no weights"),
        ({"validation_freq": 2}, "validation_freq=2; every epoch is validated"),
        ({"validation_batch_size": 8}, "validation_batch_size=8; it would change no result"),
        ({"validation_split": 1.0}, "validation_split=1.0, expected a share between 0 and 1"),
        ({"validation_split": 0.999}, "leaves none on one side"),
        ({"validation_data": (FLOATS, FLOATS, np.ones(96))}, "sample weights are not supported"),
        ({"workers": 2}, "no argument workers"),
        ({"learning_rate": 0.1}, "compile chose the optimizer"),
    ],
)
def test_fit_refuses(vae, options, said):
    before = vae.get_weights()
    with pytest.raises(UserError, match=said):
        fit(vae, X, **options)
    np.testing.assert_array_equal(vae.get_weights()[0], before[0])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"loss": "mse"}, "loss='mse'; the loss of this model is its objective"),
        ({"metrics": ["mae"]}, "metrics=list; fit reports elbo"),
        ({"weighted_metrics": ["mae"]}, "weighted_metrics=list"),
        ({"loss_weights": [1.0]}, "loss_weights=list; set kl_weight"),
        ({"run_eagerly": True}, r"tf\.config\.run_functions_eagerly\(True\)"),
        ({"steps_per_execution": 8}, "steps_per_call"),
        ({"jit_compil": True}, r"no argument jit_compil \(did you mean jit_compile\?\)"),
    ],
)
def test_compile_refuses(options, said):
    with pytest.raises(UserError, match=said):
        build().compile(optimizer="adam", **options)


def test_keras_s_own_defaults_are_accepted():
    vae = build()
    vae.compile(
        optimizer="adam",
        loss=None,
        loss_weights=None,
        metrics=None,
        weighted_metrics=None,
        run_eagerly=False,
        steps_per_execution=1,
        jit_compile="auto",
        auto_scale_loss=True,
    )
    vae.fit(X, None, 16, 1, 0, None, 0.0, None, True, None, None, 0, None, None, None, 1)


def test_validation_split_takes_the_last_examples(vae):
    other = build()
    other.compile(optimizer=keras.optimizers.Adam(1e-2))
    got = fit(vae, X, epochs=2, validation_split=0.25).history
    wanted = fit(other, X[:72], epochs=2, validation_data=(X[72:],)).history
    assert {name: got[name] for name in ("loss", "val_loss")} == {name: wanted[name] for name in ("loss", "val_loss")}


def test_images_without_their_channel_axis(vae, capsys):
    fit(vae, X[..., 0], epochs=1, validation_data=X[:10, ..., 0], verbose=1)
    assert "x: a channel axis was added, [96, 4, 4] is now [96, 4, 4, 1]." in capsys.readouterr().out
    fit(vae, X[..., 0], epochs=1, verbose=1)
    assert "channel axis" not in capsys.readouterr().out
    assert vae.evaluate(X[..., 0]) == vae.evaluate(X)
    assert vae.encode(X[:3, ..., 0])[0].shape == (3, 2)
    assert vae.reconstruct(FLOATS[:3, ..., 0]).shape == (3, 4, 4, 1)


@pytest.mark.parametrize("shape", [(32, 3), (28,), (2, 3, 4, 5), (4, 4)])
def test_examples_of_any_number_of_axes(shape):
    from tfvae import VAE, networks
    from tfvae.config.network import Mlp

    vae = VAE(*networks.build(Mlp(hidden=(4,), latent_dim=2), shape))
    x = np.random.default_rng(0).random([40, *shape]).astype(np.float32)
    fit(vae, x, epochs=1, validation_data=x[:8])
    assert vae.sample(2).shape == (2, *shape)


def test_y_that_is_x_is_left_out(vae, capsys):
    fit(vae, X, X, epochs=1, validation_data=(X[:8], X[:8]), verbose=1)
    assert "y: is as large as x and is left out: a VAE reconstructs x." in capsys.readouterr().out


def test_without_a_batch_size_few_examples_are_one_batch(vae):
    vae.fit(X[:40], verbose=0, jit="off")
    assert vae.trained.steps == 1


def test_masked_values_are_not_trained_on(vae):
    masked = np.ma.masked_greater(FLOATS, 0.9)
    for call in (vae.fit, vae.evaluate, vae.encode):
        with pytest.raises(UserError, match=r"x: \d+ values are masked"):
            call(masked)
    fit(vae, np.ma.masked_greater(FLOATS, 2.0), epochs=1)  # a mask that masks nothing


def test_the_jit_of_compile_is_used_and_auto_decides_nothing():
    for asked, compiled in ((True, True), (False, False), ("auto", False)):
        vae = build()
        vae.compile(optimizer="adam", jit_compile=asked)
        fit(vae, X, epochs=1)  # jit="off"
        assert vae.session.loop.jit is compiled
