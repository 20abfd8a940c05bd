"""Parts that do not fit are refused at construction; losses of the user's own layers count."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tests.habits.conftest import FLOATS, SHAPE, X, build, fit
from tfvae import VAE, UserError

layers = keras.layers
PROBABILITIES = tfvae.Bernoulli(from_logits=False)


def encoder(**options):
    x = keras.Input(SHAPE)
    hidden = layers.Dense(8, **options)(layers.Flatten()(x))
    return keras.Model(x, [layers.Dense(2)(hidden), layers.Dense(2)(hidden)])


def decoder(end=lambda h: h, activation=None):
    z = keras.Input((2,))
    return keras.Model(z, end(layers.Reshape(SHAPE)(layers.Dense(16, activation=activation)(z))))


class Subclassed(keras.Model):
    def call(self, x):
        return x


@pytest.mark.parametrize(
    ("network", "last"),
    [
        (decoder(activation="sigmoid"), "sigmoid"),
        (decoder(activation="tanh"), "tanh"),
        (decoder(layers.Activation("relu")), "relu"),
        (decoder(layers.ReLU()), "relu"),
        (decoder(layers.Softmax()), "softmax"),
        (decoder(keras.ops.sigmoid), "sigmoid"),
        (decoder(lambda h: layers.Cropping2D(0)(keras.ops.hard_sigmoid(h))), "hard_sigmoid"),
        (decoder(lambda h: {"logits": layers.Conv2D(1, 1, activation="softplus")(h)}), "softplus"),
        (
            decoder(lambda h: keras.Sequential([keras.Input(SHAPE), layers.Conv2D(1, 1, activation="sigmoid")])(h)),
            "sigm",
        ),
    ],
)
def test_logits_that_cannot_be_any_number(network, last):
    for likelihood in ("bernoulli", "continuous_bernoulli"):
        with pytest.raises(UserError, match=rf"decoder: ends in {last}\w*, but \w+ reads logits"):
            VAE(encoder(), network, likelihood=likelihood)


@pytest.mark.parametrize("network", [decoder(), decoder(layers.LeakyReLU()), decoder(activation="elu")])
def test_logits_that_can(network):
    VAE(encoder(), network)


@pytest.mark.parametrize("network", [decoder(), decoder(activation="tanh"), decoder(activation="relu")])
def test_probabilities_that_are_none(network):
    with pytest.raises(UserError, match=r"but Bernoulli\(from_logits=False\) reads probabilities"):
        VAE(encoder(), network, likelihood=PROBABILITIES)


def test_probabilities_mean_what_logits_do(tmp_path):
    vae, likewise = VAE(encoder(), decoder(activation="sigmoid"), likelihood=PROBABILITIES), VAE(encoder(), decoder())
    likewise.set_weights(vae.get_weights())
    # 16 values, each a logarithm of a probability with an error of one unit in the last place of float32
    np.testing.assert_allclose(vae.elbo(FLOATS, seed=0).elbo, likewise.elbo(FLOATS, seed=0).elbo, rtol=1e-5)
    np.testing.assert_allclose(vae.sample(9, seed=0), likewise.sample(9, seed=0), rtol=0, atol=1e-6)
    losses = fit(vae, FLOATS, epochs=3, learning_rate=1e-2).history["loss"]
    assert losses[-1] < losses[0]
    vae.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.sample(3, seed=1), vae.sample(3, seed=1))


def test_a_file_that_was_saved_with_such_a_decoder_goes_on_loading():
    from tfvae.networks import given

    with given.saved(), pytest.warns(UserWarning, match="decoder: ends in sigmoid"):
        old = VAE(encoder(), decoder(activation="sigmoid"))
    with pytest.warns(UserWarning, match="decoder: ends in sigmoid"):
        again = VAE.from_config(old.get_config())
    assert again.sample(2).shape == (2, *SHAPE)


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (Subclassed(), r"got Subclassed, a subclassed model, .* make it functional: inputs = keras\.Input"),
        (lambda x: x, "got function, expected a functional Keras model"),
        (keras.Sequential([layers.Dense(2)]), "has no input yet; begin it with keras.Input"),
        (
            keras.Model({"a": (a := keras.Input(SHAPE, name="a"))}, layers.Flatten()(a)),
            r"takes its inputs by name \(a\)",
        ),
        (keras.Model(a, {"mean": layers.Dense(2)(layers.Flatten()(a))}), "encoder: got the outputs mean"),
        (keras.Model(a, layers.Dense(2)(layers.Flatten()(a))), "needs z_mean"),
    ],
)
def test_networks_that_cannot_be_used(network, said):
    with pytest.raises(UserError, match=said):
        VAE(network, decoder())


class Adds(layers.Layer):
    """Adds the mean square of its input to the loss."""

    def call(self, x):
        self.add_loss(keras.ops.mean(keras.ops.square(x)))
        return x


def regularized():
    keras.utils.set_random_seed(0)
    l2, l1 = keras.regularizers.L2(0.1), keras.regularizers.L1(0.01)
    return VAE(encoder(kernel_regularizer=l2, activity_regularizer=l1), decoder(Adds()))


def test_losses_of_layers_are_minimised_and_reported():
    vae, plain = regularized(), VAE(encoder(), decoder())
    plain.set_weights(vae.get_weights())
    kernel = vae.encoder.layers[2].kernel.numpy()
    got, without = vae.evaluate(FLOATS, batch_size=96), plain.evaluate(FLOATS, batch_size=96)
    assert got["elbo"] == without["elbo"]
    hidden = FLOATS.reshape(96, 16) @ kernel
    logits = vae.decoder.layers[1](vae.predict(FLOATS, seed=0)["z"]).numpy()
    expected = 0.1 * np.sum(kernel**2) + 0.01 * np.mean(np.abs(hidden).sum(axis=1)) + np.mean(logits**2)
    assert got["regularization"] == pytest.approx(expected, rel=1e-5)
    assert got["loss"] == pytest.approx(got["regularization"] - got["elbo"], rel=1e-6)
    history = fit(vae, FLOATS, epochs=20, learning_rate=3e-2, validation_split=0.25).history
    fit(plain, FLOATS, epochs=20, learning_rate=3e-2, validation_split=0.25)
    assert history["val_regularization"][-1] < history["val_regularization"][0]
    # The product of the penalty: a smaller kernel than without it.
    assert np.sum(kernel**2) > np.sum(vae.encoder.layers[2].kernel.numpy() ** 2)
    assert np.sum(plain.encoder.layers[2].kernel.numpy() ** 2) > np.sum(vae.encoder.layers[2].kernel.numpy() ** 2)


@pytest.mark.parametrize("options", [{"accumulation": 4}, {"strategy": True}])
def test_their_share_is_the_same_on_replicas_and_in_parts(options, two_replicas, float64):
    strategy = two_replicas if options.pop("strategy", False) else tf.distribute.get_strategy()
    losses = []
    for scope, given in ((tf.distribute.get_strategy(), {}), (strategy, options)):
        with scope.scope():
            vae = regularized()
            vae.compile(optimizer=keras.optimizers.SGD(1e-3))
        losses.append(fit(vae, FLOATS.astype(np.float64), epochs=2, **given).history)
    for name in ("loss", "regularization"):
        np.testing.assert_allclose(losses[0][name], losses[1][name], rtol=1e-9)


def test_a_name_of_other_tutorials():
    import warnings

    from tfvae.models import vae as module

    module._say_the_name.cache_clear()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        first, second = (build(kl_loss_weight=0.25) for _ in range(2))
    assert [str(warning.message) for warning in said] == [
        "kl_loss_weight: taken as kl_weight, which is its name in tfvae."
    ]
    assert first.objective.kl_weight == second.objective.kl_weight == 0.25
    with pytest.raises(UserError, match="another name of kl_weight; pass one of them"):
        build(kl_loss_weight=0.25, kl_weight=0.5)


def test_channels_first_is_refused():
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(UserError, match=r'call keras\.config\.set_image_data_format\("channels_last"\)'):
            VAE.from_variant("micro", input_shape=(8, 8, 1))
    finally:
        keras.config.set_image_data_format("channels_last")


def test_no_question_marks_in_the_summary(capsys):
    build().summary()
    text = capsys.readouterr().out
    assert "(None, 2)" in text
    assert "?" not in text


def test_units_travel_with_the_weights(tmp_path):
    vae = build(likelihood=tfvae.Gaussian())
    fit(vae, X, epochs=1)
    vae.save_weights(tmp_path / "w.weights.h5")
    other = build(likelihood=tfvae.Gaussian())
    other.load_weights(tmp_path / "w.weights.h5")
    np.testing.assert_array_equal(other.elbo(X, seed=0).elbo, vae.elbo(X, seed=0).elbo)
    assert other.trained == vae.trained


def test_values_far_outside_are_said_once():
    vae = build(likelihood=tfvae.Gaussian())
    fit(vae, X, epochs=1)
    with pytest.warns(UserWarning, match="x: ranges from 0 to 255 in model units, but the model was trained on 0 to 1"):
        vae.elbo(X.astype(np.float32), seed=0)
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vae.elbo(X.astype(np.float32), seed=0)
