"""`tfvae.data.pipeline`."""

import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfvae import noise
from tfvae.data import decoding, images, pipeline, scaling
from tfvae.data.condition import Condition
from tfvae.data.images import ImageFiles
from tfvae.data.splits import Split
from tfvae.errors import UserError

RNG = np.random.default_rng(0)


def test_order_is_the_rule_of_the_specification():
    words = tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=[64],
        key=tf.constant([7], tf.uint64),
        counter=tf.constant([0, (4 << 56) + (3 << 16)], tf.uint64),
        alg=1,
        dtype=tf.uint32,
    ).numpy()
    expected = sorted(range(50), key=lambda i: (words[i], i))
    assert pipeline.order(7, 3, 50).tolist() == expected
    assert pipeline.order(7, 3, 50).dtype == np.int64


def test_orders_differ_by_epoch_and_seed():
    orders = {tuple(pipeline.order(seed, epoch, 100)) for seed in (0, 2**62) for epoch in (0, 1, noise.LAST_STEP)}
    assert len(orders) == 6
    assert all(sorted(row) == list(range(100)) for row in orders)


def test_evaluation_pads_and_masks():
    indices, weight = pipeline.evaluation_indices(7, 3)
    assert indices.tolist() == [[0, 1, 2], [3, 4, 5], [6, 0, 0]]
    assert weight.tolist() == [[1, 1, 1], [1, 1, 1], [1, 0, 0]]
    assert pipeline.evaluation_indices(6, 3)[1].min() == 1


@pytest.mark.parametrize("jit", [False, True], ids=["graph", "jit"])
def test_dynamic_binarisation_is_addressed(jit):
    x = RNG.integers(0, 256, [8, 4, 4, 1], np.uint8)
    fitted = scaling.fit("unit", x)

    def draw(raw, step, first):
        address = noise.Address(5, noise.BINARISATION, step, first)
        return pipeline.model_units(raw, fitted, "dynamic", address)

    draw = tf.function(draw, jit_compile=jit)
    whole = draw(tf.constant(x), tf.constant(3, tf.int64), tf.constant(0, tf.int64)).numpy()
    half = draw(tf.constant(x[4:]), tf.constant(3, tf.int64), tf.constant(4, tf.int64)).numpy()
    np.testing.assert_array_equal(whole[4:], half)
    uniform = noise.uniform(noise.Address(5, noise.BINARISATION, 3, 0), x.shape)[0].numpy()
    probability = x / np.float32(255)
    clear = np.abs(uniform - probability) > 1e-6
    np.testing.assert_array_equal(whole[clear], (uniform < probability)[clear])
    assert (draw(tf.constant(x), tf.constant(4, tf.int64), tf.constant(0, tf.int64)).numpy() != whole).any()


def test_dynamic_binarisation_keeps_zero_and_one_and_the_dtype():
    x = tf.constant([[0.0, 1.0]] * 500)
    address = noise.Address(0, noise.BINARISATION)
    for dtype in ("float32", "float64"):
        drawn = pipeline.model_units(x, scaling.Scaling.identity(), "dynamic", address, dtype)
        assert drawn.dtype == dtype
        np.testing.assert_array_equal(drawn.numpy(), x.numpy())


def test_dynamic_binarisation_of_an_unknown_batch():
    address = noise.Address(0, noise.BINARISATION)
    draw = tf.function(
        lambda x: pipeline.model_units(x, scaling.Scaling.identity(), "dynamic", address),
        input_signature=[tf.TensorSpec([None, 3])],
    )
    x = tf.fill([1000, 3], 0.3)
    assert abs(float(tf.reduce_mean(draw(x))) - 0.3) < 0.03


def test_threshold_and_none():
    x, address = tf.constant([[0.2, 0.5, 0.51]]), noise.Address(0, noise.BINARISATION)
    identity = scaling.Scaling.identity()
    assert pipeline.model_units(x, identity, "threshold", address).numpy().tolist() == [[0, 0, 1]]
    np.testing.assert_array_equal(pipeline.model_units(x, identity, "none", address), x)


LABELS = Condition("label", tuple("abcdefghijklmnopqrst"))


def _fetched(split, indices, steps_per_call, condition=None):
    source = pipeline.feed(split, condition)
    fetch = tf.function(lambda element, k: source.fetch(tf.nest.map_structure(lambda part: part[k], element)))
    lengths, rows = [], []
    for element in source.calls(indices, lambda: steps_per_call):
        lengths.append(len(tf.nest.flatten(element)[0]))
        rows += [fetch(element, tf.constant(k)) for k in range(lengths[-1])]
    return lengths, rows


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int32", "int64", "float32", "float64"])
def test_in_memory_feed(labelled, dtype):
    x, y = RNG.integers(-100, 100, [20, 3, 5, 1]).astype(dtype), np.arange(20)
    indices = RNG.permutation(20).reshape(5, 4)
    lengths, rows = _fetched(Split(x, y), indices, 2, LABELS if labelled else None)
    assert lengths == [2, 2, 1]
    for at, (got, labels) in zip(indices, rows, strict=True):
        np.testing.assert_array_equal(got, x[at])
        assert got.dtype == dtype
        assert labels is None if not labelled else labels.numpy().tolist() == np.eye(20)[at].tolist()


def test_an_empty_split_feeds_nothing():
    source = pipeline.feed(Split(np.zeros([0, 3], np.uint8), np.zeros([0], np.int64)))
    assert list(source.calls(pipeline.evaluation_indices(0, 4)[0], lambda: 2)) == []


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_in_memory_feed_keeps_static_shapes_and_compiles(dtype):
    x = RNG.integers(0, 100, [20, 3, 5, 1]).astype(dtype)
    source, seen = pipeline.feed(Split(x)), []

    @tf.function(jit_compile=True)
    def fetch(element):
        got = source.fetch(element)[0]
        seen.append(got.shape.as_list())
        return got

    np.testing.assert_array_equal(fetch(tf.constant([4, 2], tf.int64)), x[[4, 2]])
    assert seen == [[2, 3, 5, 1]]


@pytest.fixture
def folder(tmp_path):
    for i in range(10):
        path = tmp_path / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(tf.io.encode_png(RNG.integers(0, 256, [8, 9 + i, 3], np.uint8)).numpy())
    return tmp_path


@pytest.mark.parametrize("streamed", [False, True], ids=["memory", "streamed"])
def test_what_the_model_is_conditioned_on(folder, streamed):
    files = images.read(folder, (8, 8), 3).train
    x = files.x if streamed else files.x.read(np.arange(10)).numpy()
    labels, attributes = RNG.integers(-1, 3, 10), RNG.normal(size=[10, 2]).astype(np.float32)
    split, indices = Split(x, labels, attributes), RNG.permutation(10).reshape(5, 2)
    one_hot = np.vstack([np.eye(3), np.zeros([1, 3])])
    for condition, wanted in (
        (Condition("label", ("a", "b", "c")), one_hot[labels]),
        (Condition("attributes", ("height", "width")), attributes),
    ):
        rows = _fetched(split, indices, 2, condition)[1]
        for at, (_, y) in zip(indices, rows, strict=True):
            assert y.dtype == "float32"
            np.testing.assert_array_equal(y, wanted[at])
        lacking = Split(x, attributes=attributes) if condition.kind == "label" else Split(x, labels)
        with pytest.raises(UserError, match=f"conditioned on {condition.kind}, but these examples come without"):
            pipeline.feed(lacking, condition)
    taken = split.take(np.array([3, 1]))
    np.testing.assert_array_equal(taken.attributes, attributes[[3, 1]])
    np.testing.assert_array_equal(taken.y, labels[[3, 1]])


def test_streamed_feed_gives_the_order_asked_for(folder):
    split = images.read(folder, (8, 8), 3).train
    indices = RNG.permutation(10).reshape(5, 2)
    lengths, rows = _fetched(split, indices, 2, LABELS)
    assert lengths == [2, 2, 1]
    for at, (got, labels) in zip(indices, rows, strict=True):
        for row, i in zip(got, at, strict=True):
            np.testing.assert_array_equal(row, decoding.decode(tf.io.read_file(split.x.paths[i]), (8, 8), 3))
        assert labels.numpy().tolist() == np.eye(20)[split.y[at]].tolist()
    _, rows = _fetched(split, indices, 3)
    assert all(labels is None for _, labels in rows)


@pytest.mark.parametrize("streamed", [False, True], ids=["memory", "streamed"])
def test_a_call_takes_as_many_steps_as_are_asked_for_then(folder, streamed):
    files = images.read(folder, (8, 8), 3).train
    split = files if streamed else Split(files.x.read(np.arange(10)).numpy(), files.y)
    source, wanted = pipeline.feed(split, LABELS), iter([5, 1, 3, 2, 4, 4])
    order = RNG.integers(0, 10, [12, 3])
    calls = [tf.nest.flatten(each) for each in source.calls(iter(order), lambda: next(wanted))]
    assert [len(each[0]) for each in calls] == [5, 1, 3, 2, 1]
    if streamed:
        np.testing.assert_array_equal(np.concatenate([each[1] for each in calls]), split.y[order])
    else:
        np.testing.assert_array_equal(np.concatenate([each[0] for each in calls]), order)


def test_no_more_is_read_ahead_than_a_call_took(folder):
    asked = []

    def rows():
        for i in range(100):
            asked.append(i)
            yield np.array([i % 10])

    wanted, seen = iter([20, 1, 1, 1]), []
    calls = pipeline.feed(images.read(folder, (8, 8), 3).train).calls(rows(), lambda: next(wanted))
    for _ in range(3):
        next(calls)
        seen.append(len(asked))
    assert seen == [40, 41, 41]
    calls.close()
    assert len(asked) == 41


@pytest.mark.parametrize("damage", ["cut", "gone", "thread"])
def test_an_image_that_cannot_be_decoded_is_named(folder, damage):
    split = images.read(folder, (8, 8), 3).train
    bad = pathlib.Path(split.x.paths[6])
    if damage == "cut":
        bad.write_bytes(bad.read_bytes()[:60])
    elif damage == "gone":
        os.remove(bad)
    else:
        bad.write_bytes(tf.io.encode_png(np.zeros([1, 100, 3], np.uint8)).numpy())
    calls = pipeline.feed(split).calls(np.arange(10).reshape(5, 2), lambda: 2)
    assert len(next(calls)[0]) == 2
    with pytest.raises(UserError, match=f"{bad.name}: the image cannot be decoded"):
        list(calls)


def test_first_examples_of_an_array_and_of_files(tmp_path):
    x = np.arange(12, dtype=np.uint8).reshape(6, 2)
    np.testing.assert_array_equal(pipeline.first(Split(x), 4), x[:4])
    assert len(pipeline.first(Split(x), 100)) == 6
    for i in range(3):
        Image.fromarray(np.full([8, 8], 40 * i, np.uint8)).save(tmp_path / f"{i}.png")
    paths = tuple(str(tmp_path / f"{i}.png") for i in range(3))
    streamed = pipeline.first(Split(ImageFiles(paths, (8, 8), 1)), 2)
    np.testing.assert_array_equal(streamed[:, 0, 0, 0], [0, 40])
