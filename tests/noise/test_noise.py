"""`tfvae.noise` and `tfvae.noise.integer_ops` against the golden vectors and TensorFlow's raw ops."""

import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tests.tolerance import NOISE
from tfvae import noise
from tfvae.noise import integer_ops as philox

GOLDEN = json.loads((pathlib.Path(__file__).parents[1] / "golden/noise_v1.json").read_text())
ROWS = [pytest.param(row, id=row["name"]) for row in GOLDEN["rows"]]


def _address(row):
    return noise.Address(row["seed"], row["purpose"], row["step"], row["example"], row["sample"])


def _shape(row):
    return [-(-len(row["words"]) // row["width"]), row["width"]]


def test_golden_vectors_are_of_this_noise_version():
    assert GOLDEN["noise_version"] == noise.NOISE_VERSION


@pytest.mark.parametrize("jit", [False, True], ids=["graph", "jit"])
@pytest.mark.parametrize("row", ROWS)
def test_golden(row, jit):
    draw = tf.function(
        lambda seed, step, first: (
            noise.words(_address(row)._replace(seed=seed, step=step, first_example=first), _shape(row)),
            noise.normal(_address(row)._replace(seed=seed, step=step, first_example=first), _shape(row)),
        ),
        jit_compile=jit,
    )
    arguments = [tf.constant(row[key], tf.int64) for key in ("seed", "step", "example")]
    words, normals = (tensor.numpy().reshape(-1)[: len(row["words"])] for tensor in draw(*arguments))
    assert words.tolist() == row["words"]
    np.testing.assert_allclose(normals, row["normals"], atol=NOISE, rtol=0)


@pytest.mark.parametrize("row", [item for item in ROWS if item.values[0]["sample"] == 0])
def test_golden_in_32_bit_ops(row):
    seed = np.array([row["seed"] & 0xFFFFFFFF, row["seed"] >> 32], np.uint32).view(np.int32)
    drawn = philox.normal_from_seed(
        tf.constant(seed), _shape(row), purpose=row["purpose"], step=row["step"], first_example=row["example"]
    )
    np.testing.assert_allclose(drawn.numpy().reshape(-1)[: len(row["normals"])], row["normals"], atol=NOISE, rtol=0)


def test_golden_in_tflite():
    row = next(row for row in GOLDEN["rows"] if row["name"] == "width 3")
    module = tf.Module()
    module.sample = tf.function(
        lambda seed: philox.normal_from_seed(
            seed, _shape(row), purpose=row["purpose"], step=row["step"], first_example=row["example"]
        ),
        input_signature=[tf.TensorSpec([2], tf.int32)],
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.sample.get_concrete_function()], module)
    interpreter = tf.lite.Interpreter(model_content=converter.convert())
    assert not any(detail["op_name"].startswith("Flex") for detail in interpreter._get_ops_details())
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.array([row["seed"], 0], np.int32))
    interpreter.invoke()
    drawn = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(drawn.reshape(-1), row["normals"], atol=NOISE, rtol=0)


def test_origin_equals_tensorflows_raw_normal_op():
    raw = tf.raw_ops.StatelessRandomNormalV2(
        shape=[1000], key=tf.constant([7], tf.uint64), counter=tf.constant([0, 0], tf.uint64), alg=1
    )
    ours = noise.normal(noise.Address(seed=7, purpose=0), [100, 10])
    np.testing.assert_allclose(tf.reshape(ours, [-1]), raw, atol=NOISE, rtol=0)


def test_compiled_words_are_random123s_and_tensorflows():
    kernels = pytest.importorskip("_tfvae_kernels")
    assert kernels.words([0], [0, 0], 4).tolist() == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    ones = 2**64 - 1
    assert kernels.words([ones], [ones, ones], 4).tolist() == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]
    key, counter = [2**62 + 9], [2**33 + 1, 2**57 + 5]
    raw = tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=[1003], key=tf.constant(key, tf.uint64), counter=tf.constant(counter, tf.uint64), alg=1, dtype=tf.uint32
    )
    np.testing.assert_array_equal(kernels.words(key, counter, 1003), raw)


@pytest.mark.parametrize("width", [1, 3, 4, 10])
def test_an_address_depends_on_no_batch_shard_or_number_of_samples(width):
    address = noise.Address(seed=3, purpose=noise.TRAINING, step=12)
    whole = noise.normal(address, [12, width], samples=3).numpy()
    for first, size in [(0, 5), (5, 4), (9, 3)]:
        part = noise.normal(address._replace(first_example=first), [size, width], samples=1).numpy()
        np.testing.assert_array_equal(part[0], whole[0, first : first + size])
    later = noise.normal(address._replace(first_sample=2), [12, width]).numpy()
    np.testing.assert_array_equal(later[0], whole[2])


def test_dynamic_batch_in_a_graph():
    address = noise.Address(seed=3, purpose=noise.EVALUATION)
    draw = tf.function(
        lambda x: noise.normal(address, tf.shape(x)), input_signature=[tf.TensorSpec([None, 5], tf.float32)]
    )
    np.testing.assert_array_equal(draw(tf.zeros([7, 5])), noise.normal(address, [7, 5]))


def test_empty_batch():
    assert noise.normal(noise.Address(0, 1), [0, 5]).shape == (1, 0, 5)


def test_uniform_float64_equals_tensorflows():
    raw = tf.raw_ops.StatelessRandomUniformV2(
        shape=[40], key=tf.constant([9], tf.uint64), counter=tf.constant([0, 0], tf.uint64), alg=1, dtype=tf.float64
    )
    ours = noise.uniform(noise.Address(seed=9, purpose=0), [8, 5], dtype=tf.float64)
    np.testing.assert_array_equal(tf.reshape(ours, [-1]), raw)


@pytest.mark.parametrize("jit", [None, False, True], ids=["eager", "graph", "jit"])
def test_float64_normals_are_the_same_everywhere(jit):
    for row in GOLDEN["rows"]:
        draw = lambda row=row: noise.normal(_address(row), _shape(row), dtype=tf.float64)  # noqa: E731
        drawn = (draw if jit is None else tf.function(draw, jit_compile=jit))().numpy().reshape(-1)
        assert drawn.dtype == np.float64
        np.testing.assert_allclose(drawn[: len(row["words"])], row["normals_float64"], atol=1e-14, rtol=0)


def test_float64_normals_are_the_float32_ones_but_for_rounding():
    address = noise.Address(seed=9, purpose=noise.TRAINING)
    wide, narrow = noise.normal(address, [400, 31], dtype=tf.float64), noise.normal(address, [400, 31])
    np.testing.assert_allclose(narrow, wide, atol=NOISE, rtol=0)


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
def test_16_bit_normals_are_the_float32_ones_rounded(dtype):
    address = noise.Address(seed=9, purpose=noise.TRAINING)
    np.testing.assert_array_equal(
        noise.normal(address, [4, 3], dtype=dtype), tf.cast(noise.normal(address, [4, 3]), dtype)
    )


def test_moments():
    drawn = noise.normal(noise.Address(seed=1, purpose=noise.TRAINING), [1000, 100]).numpy()
    assert abs(drawn.mean()) < 4 / np.sqrt(drawn.size)
    assert abs(drawn.var() - 1) < 4 * np.sqrt(2 / drawn.size)
    assert abs((drawn**4).mean() - 3) < 4 * np.sqrt(96 / drawn.size)


def test_uniform_moments():
    drawn = noise.uniform(noise.Address(seed=1, purpose=noise.BINARISATION), [1000, 100]).numpy()
    assert drawn.min() >= 0
    assert drawn.max() < 1
    assert abs(drawn.mean() - 0.5) < 4 / np.sqrt(12 * drawn.size)


@pytest.mark.parametrize("level", [1, 12])
def test_levels_have_purposes_of_their_own(level):
    rows = {row["name"]: row for row in GOLDEN["rows"]}
    for purpose in (noise.PRIOR, noise.TRAINING, noise.EVALUATION):
        row = rows[f"level {level}, row {purpose}"]
        address = noise.Address(row["seed"], purpose, row["step"], row["example"]).level(level)
        assert address.purpose == row["purpose"] == 8 + 4 * level + purpose
        np.testing.assert_array_equal(noise.words(address, [1, 8])[0, 0], row["words"])
    assert noise.Address(1, noise.TRAINING).level(0) == noise.Address(1, noise.TRAINING)
    assert noise.Address(1, noise.PRIOR, 3).of(noise.LABELS) == noise.Address(1, noise.LABELS, 3)


@pytest.mark.parametrize(("purpose", "level"), [(noise.ORDER, 1), (noise.PRIOR, 13), (noise.PRIOR, -1)])
def test_a_level_that_there_is_not(purpose, level):
    with pytest.raises(ValueError, match=f"purpose {purpose} has no level {level}"):
        noise.Address(0, purpose).level(level)
