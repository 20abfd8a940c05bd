"""The fused op: the same bits however the work is split, partly known shapes, and errors for bad input."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.tolerance import NOISE, rounding
from tfvae import UserError, native, noise
from tfvae.latent import CorrelatedNormal, DiagonalNormal, StandardNormal, sample_and_kl

pytestmark = pytest.mark.usefixtures("library")

ADDRESS = noise.Address(seed=3, purpose=noise.TRAINING, step=2)
D = 7
COVARIANCE = np.diag(np.linspace(0.5, 2, D)) + 0.1
PRIORS = {
    "standard": StandardNormal(D),
    "diagonal": DiagonalNormal(D, variance=np.linspace(0.5, 2, D), trainable=True),
    "correlated": CorrelatedNormal(D, covariance=COVARIANCE, trainable=True),
}
every_prior = pytest.mark.parametrize("prior", PRIORS.values(), ids=PRIORS)


def posterior(batch: int, size: int = D) -> tuple[tf.Tensor, tf.Tensor]:
    rng = np.random.default_rng(6)
    return tf.constant(rng.normal(size=(batch, size)), "float32"), tf.constant(
        rng.uniform(-3, 1, (batch, size)), "float32"
    )


def run(z_mean: tf.Tensor, z_log_var: tf.Tensor, prior: Any, address: noise.Address, samples: int = 1) -> list:
    """z, kl, log q, and the gradients of half the sum of their squares with respect to z_mean and z_log_var."""
    with tf.GradientTape() as tape:
        tape.watch([z_mean, z_log_var])
        drawn = sample_and_kl(z_mean, z_log_var, prior, address, samples=samples, log_q=True, implementation="fused")
    # Not with TensorFlow's functions, whose rounding depends on the length of the array.
    return [*drawn, *tape.gradient(list(drawn), [z_mean, z_log_var], list(drawn))]


@every_prior
def test_a_shard_is_its_part_of_the_whole_to_the_bit(prior: Any) -> None:
    given = posterior(301)
    whole = run(*given, prior, ADDRESS)
    for first, last in ((0, 1), (1, 130), (130, 301)):
        part = run(*(value[first:last] for value in given), prior, ADDRESS._replace(first_example=first))
        for one, other, axis in zip(part, whole, (1, 0, 1, 0, 0), strict=True):
            np.testing.assert_array_equal(one, np.take(other, range(first, last), axis=axis))


@every_prior
def test_a_sample_does_not_depend_on_how_many_there_are(prior: Any) -> None:
    given = posterior(9)
    whole = run(*given, prior, ADDRESS, samples=5)
    for k in range(5):
        z, kl, log_q, *_ = run(*given, prior, ADDRESS._replace(first_sample=k))
        np.testing.assert_array_equal(z[0], whole[0][k])
        np.testing.assert_array_equal(kl, whole[1])
        np.testing.assert_array_equal(log_q[0], whole[2][k])


@pytest.mark.parametrize("width", [1, 3, 4, 30])
def test_noise_is_that_of_the_address(width: int) -> None:
    """With mean 0 and variance 1, z is the noise: TensorFlow's normals for the same counters, and ours."""
    address = noise.Address(seed=2**50 + 1, purpose=noise.EVALUATION, step=9, first_example=4 * 10**9, first_sample=6)
    zero = tf.zeros([40, width])
    z = sample_and_kl(zero, zero, StandardNormal(width), address, implementation="fused").z[0]
    np.testing.assert_allclose(z, noise.normal(address, [40, width])[0], rtol=0, atol=NOISE)
    counter = [address.first_example * width // 4, address.purpose * 2**56 + address.step * 2**16 + 6]
    raw = tf.raw_ops.StatelessRandomNormalV2(
        shape=[40, width], key=tf.constant([address.seed], tf.uint64), counter=tf.constant(counter, tf.uint64), alg=1
    )
    np.testing.assert_allclose(z, raw, rtol=0, atol=NOISE)


def test_float64_noise_is_that_of_plain_to_the_last_digits() -> None:
    zero = tf.zeros([100, D], tf.float64)
    z = sample_and_kl(zero, zero, StandardNormal(D, dtype="float64"), ADDRESS, implementation="fused").z
    np.testing.assert_allclose(z, noise.normal(ADDRESS, [100, D], dtype=tf.float64), rtol=0, atol=5e-15)


_IN_A_PROCESS = """
import sys, hashlib
import numpy as np
import tensorflow as tf
tf.config.threading.set_intra_op_parallelism_threads(int(sys.argv[1]))
from tfvae import noise
from tfvae.latent import CorrelatedNormal, sample_and_kl
rng = np.random.default_rng(0)
z_mean, z_log_var = (tf.constant(rng.normal(size=(5001, 13)), "float32") for _ in range(2))
prior = CorrelatedNormal(13, covariance=np.eye(13) + 0.2, trainable=True)
address = noise.Address(seed=1, purpose=noise.TRAINING)
def run(z_mean, z_log_var):
    with tf.GradientTape() as tape:
        tape.watch([z_mean, z_log_var])
        drawn = sample_and_kl(z_mean, z_log_var, prior, address, samples=3, log_q=True, implementation="fused")
        loss = tf.add_n([tf.reduce_sum(value) for value in drawn])
    weights = [variable.value for variable in prior.trainable_variables]
    return [*drawn, *tape.gradient(loss, [z_mean, z_log_var, *weights])]
for function in (run, tf.function(run, jit_compile=True)):
    results = function(z_mean, z_log_var)
    print(hashlib.sha256(b"".join(value.numpy().tobytes() for value in results)).hexdigest())
"""


@pytest.mark.slow
def test_the_number_of_threads_changes_no_bit() -> None:
    said = [
        subprocess.run(
            [sys.executable, "-c", _IN_A_PROCESS, threads], capture_output=True, text=True, check=True
        ).stdout.split()
        for threads in ("1", "2", "7")
    ]
    assert len(said[0]) == 2
    assert said[0] == said[1] == said[2]


@every_prior
def test_the_same_call_gives_the_same_bits(prior: Any) -> None:
    given = posterior(301)
    compiled = tf.function(lambda *given: run(*given, prior, ADDRESS), jit_compile=True)
    for function in (lambda *given: run(*given, prior, ADDRESS), compiled):
        for one, other in zip(function(*given), function(*given), strict=True):
            np.testing.assert_array_equal(one, other)


@every_prior
def test_nan_in_one_example_stays_in_its_gradient(prior: Any) -> None:
    for where in (0, 1):
        values = [value.numpy() for value in posterior(5)]
        values[where][2, 1] = np.nan
        *_, d_mean, d_log_var = run(*(tf.constant(value) for value in values), prior, ADDRESS)
        for gradient in (d_mean, d_log_var):
            assert np.isfinite(gradient).all(axis=1).tolist() == [True, True, False, True, True]


@every_prior
def test_shapes_known_in_part_are_put_together(prior: Any) -> None:
    @tf.function(input_signature=[tf.TensorSpec([None, D]), tf.TensorSpec([5, None])])
    def known(z_mean: tf.Tensor, z_log_var: tf.Tensor) -> Any:
        drawn = sample_and_kl(z_mean, z_log_var, prior, ADDRESS, samples=2, log_q=True, implementation="fused")
        assert [value.shape.as_list() for value in drawn] == [[2, 5, D], [5], [2, 5]]
        gradients = tf.gradients(tf.reduce_sum(drawn.z), [z_mean, z_log_var])
        assert [gradient.shape.as_list() for gradient in gradients] == [[5, D], [5, D]]
        return drawn.z

    assert known(*posterior(5)).shape == (2, 5, D)
    with pytest.raises(Exception, match=r"z_log_var|z_mean"):
        known(posterior(4)[0], posterior(5)[1])


def slack(values: tf.Tensor) -> float:
    """The rounding of sums over the dimensions whose terms are no larger than the largest result."""
    return float(rounding("float32", D, D * np.abs(values).max()))


@every_prior
@pytest.mark.parametrize("jit", [False, True], ids=["graph", "jit"])
def test_an_unknown_batch_size(prior: Any, jit: bool) -> None:
    spec = tf.TensorSpec([None, D])
    compiled = tf.function(lambda *given: run(*given, prior, ADDRESS), input_signature=[spec] * 2, jit_compile=jit)
    for batch in (3, 8):
        for one, other in zip(compiled(*posterior(batch)), run(*posterior(batch), prior, ADDRESS), strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=slack(other))


@pytest.mark.parametrize("make", [StandardNormal, DiagonalNormal, CorrelatedNormal])
@pytest.mark.parametrize("jit", [False, True], ids=["graph", "jit"])
def test_two_replicas_are_one(make: Any, jit: bool) -> None:
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        prior = make(D)
    given = posterior(10)
    part = tf.function(
        lambda z_mean, z_log_var, first: run(z_mean, z_log_var, prior, ADDRESS._replace(first_example=first)),
        jit_compile=jit,
    )

    @tf.function
    def replicated() -> Any:
        def replica() -> list[tf.Tensor]:
            first = 5 * tf.distribute.get_replica_context().replica_id_in_sync_group
            return part(*(value[first : first + 5] for value in given), tf.cast(first, tf.int64))

        return [strategy.experimental_local_results(value) for value in strategy.run(replica)]

    for parts, other, axis in zip(replicated(), run(*given, prior, ADDRESS), (1, 0, 1, 0, 0), strict=True):
        np.testing.assert_allclose(tf.concat(parts, axis), other, rtol=0, atol=slack(other))


def arguments(prior: str = "standard", **changes: Any) -> dict[str, Any]:
    """Valid arguments of the op, with changes."""
    scale = dict(standard=np.zeros([0]), diagonal=np.ones(3), cholesky=np.eye(3))[prior]
    given = dict(
        z_mean=tf.zeros([2, 3]),
        z_log_var=tf.zeros([2, 3]),
        prior_mean=tf.zeros([0 if prior == "standard" else 3]),
        prior_scale=tf.constant(scale, tf.float32),
        key=tf.constant([1], tf.uint64),
        counter=tf.constant([0, 0], tf.uint64),
        first_example=tf.constant(0, tf.int64),
        prior=prior,
    )
    return {**given, **changes}


BAD = [
    ("z_mean", arguments(z_mean=tf.zeros([3]), z_log_var=tf.zeros([3]))),
    ("z_log_var", arguments(z_log_var=tf.zeros([2, 4]))),
    ("z_log_var", arguments(z_log_var=tf.zeros([2, 3, 1]))),
    ("prior_mean", arguments(prior_mean=tf.zeros([3]))),
    ("prior_mean", arguments("diagonal", prior_mean=tf.zeros([2]))),
    ("prior_mean", arguments("diagonal", prior_mean=tf.zeros([3, 1]))),
    ("prior_scale", arguments(prior_scale=tf.ones([3]))),
    ("prior_scale", arguments("diagonal", prior_scale=tf.ones([4]))),
    ("prior_scale", arguments("cholesky", prior_scale=tf.ones([3]))),
    ("prior_scale", arguments("cholesky", prior_scale=tf.ones([3, 4]))),
    ("key", arguments(key=tf.constant(1, tf.uint64))),
    ("key", arguments(key=tf.constant([1, 2], tf.uint64))),
    ("counter", arguments(counter=tf.constant([1], tf.uint64))),
    ("first_example", arguments(first_example=tf.constant([0], tf.int64))),
    ("prior_mean", arguments(prior_mean=tf.zeros([0], tf.float64), prior_scale=tf.zeros([0], tf.float64))),
]
IDS = [f"{name}-{i}" for i, (name, _) in enumerate(BAD)]


@pytest.mark.parametrize(("name", "given"), BAD, ids=IDS)
def test_what_does_not_fit_is_named_in_eager_mode(name: str, given: dict[str, Any]) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=rf"{name}: got .*, expected "):
        native.ops().tfvae_sample_and_kl(**given)


@pytest.mark.parametrize(("name", "given"), BAD, ids=IDS)
def test_what_does_not_fit_is_named_when_a_graph_is_traced(name: str, given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"{name}: got .*, expected "):
        tf.function(lambda: native.ops().tfvae_sample_and_kl(**given)).get_concrete_function()


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("d_z", dict(d_z=[tf.zeros([2, 3])])),
        ("d_kl", dict(d_kl=[tf.zeros([2, 3])])),
        ("d_log_q", dict(d_log_q=[tf.zeros([2])])),
    ],
)
def test_upstream_that_does_not_fit_is_named(name: str, changes: dict[str, Any]) -> None:
    given = {**arguments(), "d_z": [], "d_kl": [], "d_log_q": [], **changes}
    with pytest.raises(tf.errors.InvalidArgumentError, match=rf"{name}: got .*, expected "):
        native.ops().tfvae_sample_and_kl_grad(**given)
    with pytest.raises(ValueError, match=rf"{name}: got .*, expected "):
        tf.function(lambda: native.ops().tfvae_sample_and_kl_grad(**given)).get_concrete_function()


@pytest.mark.parametrize("jit", [None, False, True], ids=["eager", "graph", "jit"])
@pytest.mark.parametrize(
    ("prior", "scale"),
    [
        ("diagonal", [1.0, 0.0, 1.0]),
        ("diagonal", [1.0, -1.0, 1.0]),
        ("cholesky", [[1.0, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        ("cholesky", [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
        ("cholesky", [[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]]),
    ],
    ids=["zero scale", "negative scale", "not triangular", "zero diagonal", "negative diagonal"],
)
def test_a_scale_that_is_none_is_refused(prior: str, scale: Any, jit: bool | None) -> None:
    def call(scale: tf.Tensor) -> tf.Tensor:
        return native.ops().tfvae_sample_and_kl(**arguments(prior, prior_scale=scale)).kl

    function = call if jit is None else tf.function(call, jit_compile=jit)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"prior_scale\[.*\]: got .*, expected "):
        function(tf.constant(scale))


@pytest.mark.parametrize("graph", [False, True], ids=["eager", "graph"])
def test_second_derivatives_are_refused_in_a_sentence(graph: bool) -> None:
    def second(z_mean: tf.Tensor, z_log_var: tf.Tensor) -> Any:
        with tf.GradientTape() as outer:
            outer.watch(z_mean)
            gradient = run(z_mean, z_log_var, PRIORS["standard"], ADDRESS)[-1]
        return outer.gradient(gradient, z_mean)

    with pytest.raises(UserError, match="no second derivatives; use implementation='plain'"):
        (tf.function(second, autograph=False) if graph else second)(*posterior(2))


def test_a_persistent_tape_around_a_function_needs_no_second_derivatives() -> None:
    given = posterior(3)
    function = tf.function(
        lambda *given: sample_and_kl(*given, PRIORS["correlated"], ADDRESS, implementation="fused").kl
    )
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(given)
        kl = function(*given)
        square = tf.square(kl)
    for one, other in zip(tape.gradient(square, given), tape.gradient(kl, given, 2 * kl), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=slack(other))
