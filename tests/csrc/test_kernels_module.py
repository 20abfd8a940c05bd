"""_tfvae_kernels: against NumPy, against the TensorFlow op to the bit, in JAX, and its errors."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf

from csrc.building import sanitized
from tfvae import native

kernels = pytest.importorskip("_tfvae_kernels", reason="the native code is not built; `make native` builds it")

ADDRESS = dict(key=42, counter=(0, (1 << 56) + (7 << 16)), first_example=5)
PRIORS = ["standard", "diagonal", "cholesky"]
DTYPES = [np.float16, ml_dtypes.bfloat16, np.float32, np.float64]


def wide(dtype):
    return np.float64 if dtype == np.float64 else np.float32


def make_inputs(prior="standard", dtype=np.float32, shape=(9, 5), seed=1):
    random = np.random.default_rng(seed)
    latent = shape[-1]
    inputs = dict(
        z_mean=random.normal(size=shape).astype(dtype), z_log_var=random.uniform(-3, 1, size=shape).astype(dtype)
    )
    if prior != "standard":
        scale = random.uniform(0.5, 1.5, size=latent)
        if prior == "cholesky":
            scale = np.tril(random.normal(size=(latent, latent)), -1) / latent + np.diag(scale)
        inputs |= dict(prior_mean=random.normal(size=latent).astype(wide(dtype)), prior_scale=scale.astype(wide(dtype)))
    return inputs


def make_upstreams(inputs, samples, per_dimension):
    shape, dtype = inputs["z_mean"].shape, inputs["z_mean"].dtype
    random = np.random.default_rng(2)
    return dict(
        d_z=random.normal(size=(samples, *shape)).astype(dtype),
        d_kl=random.normal(size=shape if per_dimension else shape[:1]).astype(wide(dtype)),
        d_log_q=random.normal(size=(samples, shape[0])).astype(wide(dtype)),
    )


def factor(inputs):
    latent = inputs["z_mean"].shape[-1]
    scale = inputs.get("prior_scale", np.ones(latent))
    return np.diag(scale) if scale.ndim == 1 else scale


def expected(inputs, samples):
    """z, the terms of the KL, their sum and log q, from formulas in NumPy."""
    mean, log_var = inputs["z_mean"], inputs["z_log_var"]
    latent_axes = tuple(range(1, mean.ndim))
    counter = [(ADDRESS["counter"][0], ADDRESS["counter"][1] + k) for k in range(samples)]
    first = int(ADDRESS["first_example"] * np.prod(mean.shape[1:]))
    eps = np.stack([kernels.normals(42, c, mean.size, dtype="float64", first=first) for c in counter])
    eps = eps.reshape(samples, *mean.shape)
    whitening = np.linalg.inv(factor(inputs))
    shift = (mean - inputs.get("prior_mean", 0)) @ whitening.T
    terms = (np.exp(log_var) @ (whitening**2).T + shift**2 - 1 - log_var) / 2 + np.log(np.diag(factor(inputs)))
    log_q = -0.5 * (eps**2 + log_var + np.log(2 * np.pi)).sum(tuple(axis + 1 for axis in latent_axes))
    return mean + np.exp(log_var / 2) * eps, terms, terms.sum(latent_axes), log_q


def in_process(code, **environment):
    folder = str(Path(kernels.__file__).parent)
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": folder, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("shape", [(9, 5), (0, 3), (3, 2, 2, 7)])
@pytest.mark.parametrize("per_dimension", [False, True])
def test_equals_numpy(prior, shape, per_dimension):
    inputs = make_inputs(prior, np.float64, shape)
    z, kl, log_q = kernels.sample_and_kl(**inputs, **ADDRESS, samples=3, per_dimension=per_dimension, log_q=True)
    wanted_z, terms, total, wanted_log_q = expected(inputs, 3)
    np.testing.assert_allclose(z, wanted_z, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(kl, terms if per_dimension else total, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(log_q, wanted_log_q, rtol=1e-12)


@pytest.mark.parametrize("prior", PRIORS)
def test_gradient_is_the_slope(prior):
    inputs = make_inputs(prior, np.float64)
    upstreams = make_upstreams(inputs, 2, False)

    def loss(moved):
        z, kl, log_q = kernels.sample_and_kl(**moved, **ADDRESS, samples=2, log_q=True)
        return sum((upstreams[f"d_{name}"] * out).sum() for name, out in dict(z=z, kl=kl, log_q=log_q).items())

    gradients = kernels.sample_and_kl_grad(**inputs, **ADDRESS, samples=2, **upstreams, prior_gradient=True)
    assert [gradient is None for gradient in gradients[2:]] == [prior == "standard"] * 2
    random = np.random.default_rng(3)
    for (name, value), gradient in zip(inputs.items(), gradients):
        step = random.normal(size=value.shape)
        step = np.tril(step) if value.shape == (5, 5) else step
        above, below = (loss({**inputs, name: value + h * step}) for h in (1e-5, -1e-5))
        np.testing.assert_allclose((gradient * step).sum(), (above - below) / 2e-5, rtol=1e-7, err_msg=name)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: np.dtype(dtype).name)
@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("per_dimension", [False, True])
def test_equals_the_tensorflow_op_to_the_bit(dtype, prior, per_dimension):
    inputs = make_inputs(prior, dtype, (33, 13))
    upstreams = make_upstreams(inputs, 2, per_dimension)
    absent = np.zeros(0, wide(dtype))
    operands = [
        *(inputs["z_mean"], inputs["z_log_var"], inputs.get("prior_mean", absent), inputs.get("prior_scale", absent)),
        *(np.array([42], np.uint64), np.array(ADDRESS["counter"], np.uint64), np.int64(5)),
    ]
    attributes = dict(samples=2, prior=prior, per_dimension=per_dimension)
    z, kl, log_q = native.ops().tfvae_sample_and_kl(*operands, **attributes, with_log_q=True)
    options = dict(samples=2, per_dimension=per_dimension)
    came = kernels.sample_and_kl(**inputs, **ADDRESS, **options, log_q=True)
    assert [out.dtype for out in came] == [dtype, wide(dtype), wide(dtype)]
    same_bits(came, [z, kl, log_q])

    gradients = native.ops().tfvae_sample_and_kl_grad(
        *operands, **{name: [value] for name, value in upstreams.items()}, **attributes, prior_gradient=True
    )
    came = kernels.sample_and_kl_grad(**inputs, **ADDRESS, **options, **upstreams, prior_gradient=True)
    same_bits([absent if gradient is None else gradient for gradient in came], gradients)


def same_bits(came, wanted):
    for one, other in zip(came, wanted, strict=True):
        assert one.shape == other.shape
        assert one.tobytes() == np.asarray(other).tobytes()


def test_words_are_those_of_tensorflow():
    counter = np.array([3, 1 << 56], np.uint64)
    wanted = tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=[101], key=np.array([7], np.uint64), counter=counter, alg=1, dtype=tf.uint32
    )
    np.testing.assert_array_equal(kernels.words(7, counter, 101), wanted)
    np.testing.assert_array_equal(kernels.words(7, counter, 90, first=11), wanted[11:])


def test_imports_without_tensorflow():
    done = in_process("import _tfvae_kernels, sys; print([name for name in sys.modules if 'tensorflow' in name])")
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize("isa", sanitized.instruction_sets())
def test_each_instruction_set(isa):
    code = (
        "import numpy as np, _tfvae_kernels as k; m = np.linspace(-2, 2, 35).reshape(7, 5);"
        "z, kl, _ = k.sample_and_kl(m, m / 3, key=42, counter=(0, 9));"
        "print(k.isa(), repr(float(z.sum())), repr(float(kl.sum())))"
    )
    done = in_process(code, TFVAE_ISA=isa)
    assert done.stderr == ""
    name, z, kl = done.stdout.split()
    assert name == isa
    mean = np.linspace(-2, 2, 35)
    eps = kernels.normals(42, (0, 9), 35, dtype="float64")
    assert float(z) == pytest.approx((mean + np.exp(mean / 6) * eps).sum(), rel=1e-12)
    assert float(kl) == pytest.approx((mean**2 + np.exp(mean / 3) - 1 - mean / 3).sum() / 2, rel=1e-12)


def test_unknown_instruction_set_is_refused():
    done = in_process("import _tfvae_kernels as k; k.isa()", TFVAE_ISA="mmx")
    assert "ValueError: TFVAE_ISA: got 'mmx', expected one that this processor has" in done.stderr


def test_threads_and_layout_change_no_bit():
    inputs = make_inputs("cholesky", np.float32, (300, 17))
    upstreams = make_upstreams(inputs, 1, False)
    strided = {
        name: np.asfortranarray(value) if value.ndim == 2 else np.repeat(value, 2)[::2]
        for name, value in inputs.items()
    }
    wanted = kernels.sample_and_kl(**inputs, **ADDRESS, threads=1)[:2]
    wanted_back = kernels.sample_and_kl_grad(**inputs, **ADDRESS, **upstreams, threads=1, prior_gradient=True)
    for given, threads in [(inputs, 0), (inputs, 3), (strided, 1)]:
        same_bits(kernels.sample_and_kl(**given, **ADDRESS, threads=threads)[:2], wanted)
        back = kernels.sample_and_kl_grad(**given, **ADDRESS, **upstreams, threads=threads, prior_gradient=True)
        same_bits(back, wanted_back)


def test_calls_from_many_threads():
    inputs = make_inputs("cholesky", np.float32, (200, 31))
    wanted = kernels.sample_and_kl(**inputs, **ADDRESS)[:2]
    came = [None] * 8

    def call(i):
        came[i] = kernels.sample_and_kl(**inputs, **ADDRESS)[:2]

    callers = [threading.Thread(target=call, args=(i,)) for i in range(len(came))]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    for each in came:
        same_bits(each, wanted)


class OnGpu:
    """An object that claims to be an array on a GPU, at an invalid address."""

    @property
    def __cuda_array_interface__(self):
        return dict(shape=(9, 5), typestr="<f4", data=(8, False), strides=None, version=3)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (dict(z_mean=np.zeros(5, np.float32)), ValueError, r"z_mean: got shape \[5\], expected \[batch, ...\]"),
        (dict(z_mean=np.zeros((9, 5), np.int32)), TypeError, "z_mean: got int32, expected float16, bfloat16, float32"),
        (dict(z_mean=np.zeros((9, 5), ">f4")), TypeError, "z_mean: got >f4, expected float16"),
        (dict(z_mean="text"), TypeError, "z_mean: got <U4, expected float16"),
        (dict(z_mean=OnGpu()), (TypeError, ValueError), "z_mean: got an a.*(does not know|without CUDA)"),
        (dict(z_log_var=np.zeros((9, 4), np.float32)), ValueError, r"z_log_var: got shape \[9, 4\], expected \[9, 5\]"),
        (dict(z_log_var=np.zeros((9, 5))), TypeError, "z_log_var: got float64, expected float32, as z_mean is float32"),
        (dict(z_log_var=OnGpu()), TypeError, "z_log_var: got an array on a GPU, expected a NumPy array"),
        (dict(prior_mean=np.zeros(5)), TypeError, "prior_mean: got float64, expected float32"),
        (dict(prior_mean=None), ValueError, "prior_mean, prior_scale: got one without the other"),
        (dict(prior_scale=np.ones(4, np.float32)), ValueError, r"prior_scale: got shape \[4\], expected \[5\]"),
        (dict(prior_scale=np.float32(1)), ValueError, r"prior_scale: got shape \[\], expected \[latent\]"),
        (dict(prior_scale=np.ones((5, 5), np.float32)), ValueError, r"prior_scale\[0, 1\]: got 1.*lower triangular"),
        (dict(prior_scale=np.zeros(5, np.float32)), ValueError, r"prior_scale\[0\]: got 0.*positive"),
        (dict(samples=0), ValueError, "samples: got 0, expected 1 to 65536"),
        (dict(key=-1), ValueError, "key: got -1, expected one unsigned 64-bit integer"),
        (dict(key=1.5), ValueError, "key: got 1.5, expected one unsigned"),
        (dict(counter=(1, 2, 3)), ValueError, r"counter: got \(1, 2, 3\), expected 2 unsigned 64-bit integers"),
        (dict(first_example=1 << 63), ValueError, "first_example: got 9223372036854775808, expected one signed"),
        (dict(threads=-1), ValueError, "threads: got -1, expected 1 to 1024"),
        (dict(stream=1), ValueError, "stream: got one with z_mean on the CPU"),
    ],
)
def test_refusals(changes, error, message):
    arguments = {**make_inputs("diagonal"), **ADDRESS, **changes}
    with pytest.raises(error, match=message):
        kernels.sample_and_kl(**arguments)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (dict(d_z=np.zeros((9, 5), np.float32)), ValueError, r"d_z: got shape \[9, 5\], expected \[1, 9, 5\]"),
        (dict(d_kl=np.zeros((9, 5), np.float32)), ValueError, r"d_kl: got shape \[9, 5\], expected \[9\]"),
        (dict(d_log_q=np.zeros((1, 9))), TypeError, "d_log_q: got float64, expected float32"),
    ],
)
def test_gradient_refusals(changes, error, message):
    with pytest.raises(error, match=message):
        kernels.sample_and_kl_grad(**make_inputs(), **ADDRESS, **changes)


def test_integers_of_numpy_are_welcome():
    inputs = make_inputs()
    counter = np.array(ADDRESS["counter"], np.uint64)
    came = kernels.sample_and_kl(**inputs, key=np.array([42], np.uint64), counter=counter, first_example=np.int64(5))
    same_bits(came[:2], kernels.sample_and_kl(**inputs, **ADDRESS)[:2])


@pytest.mark.slow
def test_more_than_2_to_the_31_outputs():
    shape, needed = ((1 << 21) + 1, 1025), 6 << 30
    memory = dict(line.split()[:2] for line in Path("/proc/meminfo").read_text().splitlines())
    if int(memory["MemAvailable:"]) * 1024 < needed:
        pytest.skip(f"needs {needed >> 30} GB of free memory")
    # Untouched zeros take no memory, so only z counts.
    nothing = np.zeros(shape, np.float16)
    z, kl, _ = kernels.sample_and_kl(nothing, nothing, **ADDRESS)
    assert z.size > 1 << 31
    np.testing.assert_array_equal(kl, 0)
    for row in (0, (1 << 31) // 1025, shape[0] - 1):
        first = (ADDRESS["first_example"] + row) * 1025
        eps = kernels.normals(ADDRESS["key"], ADDRESS["counter"], 1025, first=first)
        np.testing.assert_array_equal(z[0, row], eps.astype(np.float16))


@pytest.mark.parametrize("prior", PRIORS)
def test_jax_runs_the_handlers(prior):
    jax = pytest.importorskip("jax")
    for name, handler in kernels.ffi_handlers()["Host"].items():
        jax.ffi.register_ffi_target(name, handler, platform="cpu")
    inputs = make_inputs(prior, np.float32, (33, 13))
    upstreams = make_upstreams(inputs, 2, False)
    prior_inputs = [inputs.get(name, np.zeros(0, np.float32)) for name in ("prior_mean", "prior_scale")]
    attributes = dict(samples=np.int64(2), prior=prior, per_dimension=False)

    def shapes(*arrays):
        return [jax.ShapeDtypeStruct(array.shape, array.dtype) for array in arrays if array is not None]

    with jax.enable_x64(True):
        operands = [
            *(inputs["z_mean"], inputs["z_log_var"], *prior_inputs, np.array([42], np.uint64)),
            *(np.array(ADDRESS["counter"], np.uint64), np.int64(5)),
        ]
        wanted = kernels.sample_and_kl(**inputs, **ADDRESS, samples=2, log_q=True)
        forward = jax.ffi.ffi_call("tfvae_sample_and_kl", shapes(*wanted))
        same_bits(jax.jit(lambda *args: forward(*args, **attributes, log_q=True))(*operands), wanted)

        wanted = kernels.sample_and_kl_grad(**inputs, **ADDRESS, samples=2, **upstreams, prior_gradient=True)
        backward = jax.ffi.ffi_call("tfvae_sample_and_kl_grad", shapes(*wanted))
        flags = dict(d_z=True, d_kl=True, d_log_q=True, prior_gradient=prior != "standard")
        came = jax.jit(lambda *args: backward(*args, **attributes, **flags))(*operands, *upstreams.values())
        same_bits(came, [gradient for gradient in wanted if gradient is not None])
