"""`fit` on batches: a `tf.data.Dataset`, a `keras.utils.PyDataset`, a generator, or anything that gives them."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.habits.conftest import FLOATS, X, build, fit
from tfvae import UserError
from tfvae.data import pipeline


def on(x, **options):
    vae = build()
    vae.compile(optimizer=keras.optimizers.Adam(1e-2))
    return vae, vae.fit(x, **{"verbose": 0, "jit": "off", **options}).history


def dataset(*arrays, batch=16, **options):
    return tf.data.Dataset.from_tensor_slices(arrays if len(arrays) > 1 else arrays[0]).batch(batch, **options)


class Sequence(keras.utils.PyDataset):
    """96 examples in batches of 36: the last is left out."""

    ended = 0

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return FLOATS[36 * index : 36 * (index + 1)], None

    def on_epoch_end(self):
        self.ended += 1


class Loader:
    """As in PyTorch: it can be iterated over, and that is all."""

    def __iter__(self):
        return iter([FLOATS[:16], FLOATS[16:32]])


def test_the_same_batches_give_the_same_weights_as_an_array():
    vae = build()
    vae.compile(optimizer=keras.optimizers.Adam(1e-2))
    history = fit(vae, X, epochs=2).history
    orders = np.concatenate([pipeline.order(0, epoch, len(X)) for epoch in range(2)])
    batches = iter(np.split(X[orders], 12))
    again, by_batches = on(batches, epochs=2, steps_per_epoch=6)
    assert by_batches["loss"] == history["loss"]
    for a, b in zip(vae.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("x", "steps"),
    [
        (dataset(FLOATS), 6),
        (dataset(FLOATS, np.arange(96)), 6),
        (dataset(FLOATS, batch=36), 2),
        (dataset(FLOATS, batch=36, drop_remainder=True), 2),
        (dataset(FLOATS[..., 0]), 6),
        (dataset(X), 6),
        (Loader(), 2),
    ],
)
def test_every_pass_is_an_epoch(x, steps):
    vae, history = on(x, epochs=2)
    assert vae.trained.steps == 2 * steps
    assert history["loss"][1] < history["loss"][0]


def test_a_pydataset_hears_of_the_end_of_its_epochs():
    sequence = Sequence()
    vae, _ = on(sequence, epochs=3)
    assert vae.trained.steps == 6
    assert sequence.ended >= 3


def test_integers_set_the_scaling():
    vae, _ = on(dataset(X), epochs=1)
    assert (vae.scaling.kind, vae.sample(2, seed=0).dtype) == ("unit", np.uint8)


def test_steps_per_epoch_for_what_has_no_end(capsys):
    vae, history = on(itertools.repeat((FLOATS[:8], None)), epochs=2, steps_per_epoch=3, verbose=1)
    assert (vae.trained.steps, len(history["loss"])) == (6, 2)
    assert "batches are trained on in the order in which they come" in capsys.readouterr().out


def test_validation_batches():
    _, history = on(dataset(FLOATS), epochs=1, validation_data=dataset(FLOATS[:40]))
    _, expected = on(dataset(FLOATS), epochs=1, validation_data=FLOATS[:40])
    assert history["val_loss"] == expected["val_loss"]
    _, fewer = on(dataset(FLOATS), epochs=1, validation_data=dataset(FLOATS[:40]), validation_steps=1)
    assert fewer["val_loss"] != history["val_loss"]


def test_evaluate_and_predict_take_batches(vae):
    assert vae.evaluate(dataset(FLOATS)) == vae.evaluate(FLOATS)
    assert vae.predict(Loader())["reconstruction"].shape == (32, 4, 4, 1)


def test_a_conditional_model_takes_x_and_y():
    from tests.export import small_models

    vae = small_models.conditional()
    x = np.random.default_rng(0).random([32, *small_models.SHAPE]).astype(np.float32)
    vae.fit(dataset(x, np.arange(32) % 3, batch=8), epochs=1, verbose=0, jit="off")
    with pytest.raises(UserError, match=r"expected batches \(x, y\)"):
        vae.fit(dataset(x, batch=8), epochs=1, verbose=0, jit="off")


def uneven():
    yield from (FLOATS[:16], FLOATS[:8], FLOATS[:16])


@pytest.mark.parametrize(
    ("x", "options", "said"),
    [
        (uneven(), {"steps_per_epoch": 3}, "batch 2 has 8 examples, but the first has 16"),
        (iter([FLOATS[:8], FLOATS[:16]]), {"steps_per_epoch": 2}, "batch 2 has 16 examples, but the first has 8"),
        (uneven(), {}, "no end that is known; pass steps_per_epoch"),
        (dataset(FLOATS).repeat(), {}, "no end that is known; pass steps_per_epoch"),
        (iter([FLOATS[:8]] * 3), {"steps_per_epoch": 4}, "the generator ended before the training"),
        (iter([]), {"steps_per_epoch": 1}, "gives no batch"),
        (dataset(FLOATS[:, :3]), {}, r"shape \[16, 3, 4, 1\], expected numbers of shape \[batch, 4, 4, 1\]"),
        (dataset(FLOATS, FLOATS, np.ones(96)), {}, "sample weights, is not supported"),
        (dataset(FLOATS * 9), {}, r"Bernoulli needs \[0, 1\]"),
        (dataset(FLOATS), {"batch_size": 8}, "got batch_size with an iterable x"),
        (dataset(FLOATS), {"y": np.zeros(96)}, "got y with an iterable x"),
        (dataset(FLOATS), {"validation_split": 0.1}, "got validation_split with an iterable x"),
        (FLOATS, {"steps_per_epoch": 2}, "got steps_per_epoch with an array"),
        (FLOATS, {"validation_steps": 2}, "got validation_steps without batches"),
        (FLOATS, {"validation_data": itertools.repeat(FLOATS)}, "pass validation_steps"),
    ],
)
def test_what_cannot_be_is_one_sentence(x, options, said):
    with pytest.raises(UserError, match=said):
        on(x, epochs=1, **options)
