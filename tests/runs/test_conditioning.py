"""`fit` of a conditional model: labels and attributes reach the networks, in memory and streamed alike."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae import VAE, UserError
from tfvae.config import Config, Training
from tfvae.data.condition import Condition
from tfvae.data.scaling import Scaling
from tfvae.data.splits import DataSet, Split
from tfvae.engine.loop import Loop

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 3, 48)
X = np.clip(np.eye(3)[LABELS] * 0.8 + RNG.uniform(0, 0.1, [48, 3]), 0, 1).astype(np.float32)
OPTIONS = {"batch_size": 16, "verbose": 0, "jit": "off", "learning_rate": 0.05}


def make_vae(size=3, condition=None):
    """Linear networks with a second input; the code carries little information, so the labels must be used."""
    keras.utils.set_random_seed(0)
    x, z, y = keras.Input([3]), keras.Input([1]), keras.Input([size])
    joint = keras.layers.Concatenate()([x, y])
    encoder = keras.Model([x, y], [keras.layers.Dense(1, name=name)(joint) for name in ("z_mean", "z_log_var")])
    y_again = keras.Input([size])
    logits = keras.layers.Dense(3, name="logits")(keras.layers.Concatenate()([z, y_again]))
    return VAE(encoder, keras.Model([z, y_again], logits), condition=condition)


def test_labels_set_the_condition_and_are_learnt():
    vae = make_vae()
    history = vae.fit(X, LABELS, epochs=12, validation_data=(X[:10], LABELS[:10]), **OPTIONS).history
    assert vae.condition.kind == "label"
    np.testing.assert_allclose(vae.condition.frequencies, np.bincount(LABELS) / 48)
    assert history["val_elbo"][-1] > history["val_elbo"][0] + 0.1
    assert history["val_elbo"][-1] == pytest.approx(vae.evaluate(X[:10], LABELS[:10])["elbo"], rel=1e-5)
    # x of a label comes back from the prior and the label alone.
    drawn = vae.sample(3, seed=0, y=np.arange(3))
    np.testing.assert_array_equal(drawn.argmax(axis=1), np.arange(3))


def test_one_hot_rows_and_names_are_the_labels_of_a_condition_that_is_known():
    condition = Condition("label", ("a", "b", "c"), (0.2, 0.3, 0.5))
    ends = []
    for y in (LABELS, np.eye(3, dtype=np.float32)[LABELS], np.array(["a", "b", "c"])[LABELS]):
        vae = make_vae(condition=condition)
        ends.append(vae.fit(X, y, epochs=1, **OPTIONS).history["loss"])
        assert vae.condition is condition
    assert ends[0] == ends[1] == ends[2]


def test_a_condition_without_frequencies_gets_those_of_the_training_labels():
    vae = make_vae(condition=Condition("label", ("a", "b", "c")))
    vae.fit(X, LABELS, epochs=1, **OPTIONS)
    np.testing.assert_allclose(vae.condition.frequencies, np.bincount(LABELS) / 48)


def test_a_fit_that_is_refused_leaves_the_model_as_it_was():
    vae = make_vae()
    with pytest.raises(UserError, match="batch_size"):
        vae.fit((X > 0.5).astype(np.uint8), LABELS, epochs=1, **{**OPTIONS, "batch_size": 4096})
    assert vae.condition is None
    assert vae.scaling.kind == "none"


def test_attributes_come_as_they_are():
    vae, y = make_vae(2), np.stack([LABELS - 1.0, 0.5 * LABELS], axis=1)
    vae.fit(X, y, epochs=1, validation_data=(X[:10], y[:10]), **OPTIONS)
    assert (vae.condition.kind, vae.condition.size) == ("attributes", 2)
    with pytest.raises(UserError, match="pass y"):
        vae.sample(2)


@pytest.mark.parametrize(
    ("y", "validation", "said"),
    [
        (None, None, "fit: the model is conditioned on 3 values; pass y for each example"),
        (LABELS, X[:4], "validation_data: the model is conditioned on 3 values; pass y for each"),
        (LABELS + 1, None, "y: got the label 3, expected labels 0 to 2"),
        (np.zeros([48, 2]), None, "has 2 values .*networks expect 3"),
        (LABELS[:5], None, r"labels of shape \[5\] for 48 examples"),
    ],
)
def test_what_is_no_condition_is_one_sentence(y, validation, said):
    with pytest.raises(UserError, match=said):
        make_vae().fit(X, y, epochs=1, validation_data=validation, **OPTIONS)


class OnDisk:
    """Examples that are read batch by batch."""

    shape, dtype = (3,), np.dtype("float32")

    def __init__(self, x):
        self._x = x

    def __len__(self):
        return len(self._x)

    def read(self, indices):
        return tf.constant(self._x[indices])


@pytest.mark.parametrize("kind", ["label", "attributes"])
def test_streamed_and_in_memory_agree(kind):
    labels = np.where(np.arange(48) % 5, LABELS, -1)
    condition = Condition(kind, ("a", "b", "c"))
    attributes = RNG.normal(size=[48, 3]).astype(np.float32)
    ends = []
    for streamed in (False, True):
        splits = [Split(OnDisk(x) if streamed else x, labels[: len(x)], attributes[: len(x)]) for x in (X, X[:20])]
        data = DataSet("toy", *splits, splits[1], Scaling.identity(), (3,), condition=condition)
        vae = make_vae(condition=condition)
        training = Training(epochs=2, batch_size=16, jit="off", learning_rate=0.05)
        loop = Loop(vae, data, dataclasses.replace(Config(), training=training), tf.distribute.get_strategy())
        loop.run()
        validation = loop.evaluate(splits[1])
        y = np.vstack([np.eye(3), np.zeros(3)])[labels[:20]] if kind == "label" else attributes[:20]
        elbo = vae.elbo(X[:20], seed=0, y=y.astype(np.float32)).elbo
        assert float(validation["elbo"]) == pytest.approx(elbo.mean(), rel=1e-5)
        ends.append([np.array(weight) for weight in vae.get_weights()])
    for got, expected in zip(*ends, strict=True):
        np.testing.assert_array_equal(got, expected)
