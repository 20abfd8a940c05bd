"""The fused op on a GPU: against the CPU op with the same noise, bitwise reproducible, and past 32-bit indices."""

import numpy as np
import pytest
import tensorflow as tf

from tfvae import noise
from tfvae.latent import CorrelatedNormal, DiagonalNormal, StandardNormal, sample_and_kl

pytestmark = pytest.mark.usefixtures("library", "gpu")

ADDRESS = noise.Address(seed=2**40 + 5, purpose=noise.TRAINING, step=70_000, first_example=11)
KINDS = ["standard", "diagonal", "correlated"]
# Relative to the largest value of each result: the two devices differ only in the order of sums.
TOLERANCE = {"float16": 2e-3, "bfloat16": 2e-2, "float32": 2e-5, "float64": 1e-12}
GPU, CPU = "/GPU:0", "/CPU:0"


@pytest.fixture(scope="module")
def gpu():
    """Skips the test if there is no GPU."""
    if not tf.config.list_physical_devices("GPU"):
        pytest.skip("TensorFlow sees no GPU on this machine; run this file where there is one")


def make_prior(kind, size, dtype):
    if kind == "standard":
        return StandardNormal(size, dtype=dtype)
    rng = np.random.default_rng(size)
    mean = rng.normal(size=size).astype("float32")
    if kind == "diagonal":
        return DiagonalNormal(size, mean, rng.uniform(0.3, 3, size), trainable=True, dtype=dtype)
    factor = np.tril(rng.normal(size=[size, size])) / np.sqrt(size) * 0.5
    np.fill_diagonal(factor, rng.uniform(0.7, 1.5, size))
    return CorrelatedNormal(size, mean, factor @ factor.T, trainable=True, dtype=dtype)


def make_inputs(shape, dtype):
    rng = np.random.default_rng(1)
    return [tf.cast(x, dtype) for x in (rng.normal(size=shape), rng.uniform(-4, 2, shape))]


def weights_of(value):
    """Random numbers of both signs, in the shape of the value."""
    return tf.reshape(tf.cast(tf.range(tf.size(value)) % 7 - 3, tf.float64), tf.shape(value))


def results(device, prior, mean, log_var, *, samples=1, per_dimension=False, jit=False):
    """z, kl, log q, and the gradients of a loss that uses all three."""

    def step(mean, log_var):
        weights = [variable.value for variable in prior.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch([mean, log_var])
            drawn = sample_and_kl(
                mean,
                log_var,
                prior,
                ADDRESS,
                samples=samples,
                per_dimension=per_dimension,
                log_q=True,
                implementation="fused",
            )
            loss = sum(tf.reduce_sum(tf.cast(value, tf.float64) * weights_of(value)) for value in drawn)
        return [*drawn, *tape.gradient(loss, [mean, log_var, *weights])]

    with tf.device(device):
        moved = [tf.identity(mean), tf.identity(log_var)]
        return [np.asarray(tf.cast(x, tf.float64)) for x in tf.function(step, jit_compile=jit)(*moved)]


def assert_close(came, wanted, dtype):
    for one, other in zip(came, wanted, strict=True):
        scale = max(np.abs(other).max(initial=0), 1e-3)
        np.testing.assert_allclose(one, other, rtol=0, atol=TOLERANCE[dtype] * scale)


@pytest.mark.parametrize("per_dimension", [False, True], ids=["total", "per_dimension"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (129, 32), (5, 257), (4, 3, 6), (2, 5000), (300, 128)], ids=str)
def test_equals_the_cpu(shape, dtype, kind, per_dimension):
    if kind == "correlated" and shape[-1] > 2048:
        pytest.skip("on a GPU the correlated prior is for up to 2,048 dimensions")
    prior = make_prior(kind, shape[-1], "float64" if dtype == "float64" else "float32")
    options = dict(samples=2, per_dimension=per_dimension)
    inputs = make_inputs(shape, dtype)
    assert_close(results(GPU, prior, *inputs, **options), results(CPU, prior, *inputs, **options), dtype)


@pytest.mark.parametrize("kind", KINDS)
def test_compiled_by_xla(kind):
    prior, inputs = make_prior(kind, 64, "float32"), make_inputs((100, 64), "float32")
    assert_close(results(GPU, prior, *inputs, jit=True), results(CPU, prior, *inputs), "float32")


@pytest.mark.parametrize("kind", KINDS)
def test_same_bits_every_time(kind):
    prior, inputs = make_prior(kind, 96, "float32"), make_inputs((5000, 96), "float32")
    first, second = (results(GPU, prior, *inputs, samples=2) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_an_example_does_not_depend_on_its_batch(kind):
    prior, inputs = make_prior(kind, 33, "float32"), make_inputs((512, 33), "float32")
    whole = results(GPU, prior, *inputs)
    part = results(GPU, prior, *(x[:7] for x in inputs))
    for one, other in zip(part[:2], (whole[0][:, :7], whole[1][:7]), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_no_examples(kind):
    z, kl, log_q, *gradients = results(GPU, make_prior(kind, 6, "float32"), *make_inputs((0, 6), "float32"))
    assert (z.shape, kl.shape, log_q.shape) == ((1, 0, 6), (0,), (1, 0))
    assert all(np.all(gradient == 0) for gradient in gradients)


def test_more_outputs_than_32_bits_count():
    rows, width, last = 2**21 + 3, 1024, 5
    try:
        with tf.device(GPU):
            zeros = tf.zeros([rows, width], tf.float16)
            z = sample_and_kl(zeros, zeros, StandardNormal(width), ADDRESS, implementation="fused").z[0, -last:]
    except tf.errors.ResourceExhaustedError:
        pytest.skip("needs 13 GB of free GPU memory")
    at = ADDRESS._replace(first_example=ADDRESS.first_example + rows - last)
    wanted = noise.normal(at, [last, width], dtype=tf.float16)[0]
    np.testing.assert_allclose(np.float64(z), np.float64(wanted), atol=4e-3)
