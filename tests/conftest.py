"""One TensorFlow for the whole session, with two logical CPUs so that strategies can be tried."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import pytest
import tensorflow as tf

from tfvae import native

pytest_plugins = ["tests.small_runs"]

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with mnist.npz and cifar10_jpeg_subset.npz: TFVAE_DATA, or ../shared/data."""
    folder = Path(os.environ.get("TFVAE_DATA", Path(__file__).parents[1].parent / "shared" / "data"))
    if not (folder / "mnist.npz").is_file():
        pytest.skip(f"no mnist.npz in {folder}; name a folder with TFVAE_DATA")
    return folder


@pytest.fixture
def library() -> None:
    """The compiled latent op; a test that wants it is skipped, with the reason, where it is not there."""
    there, reason = native.available()
    if not there:
        pytest.skip(reason)


@pytest.fixture(params=["plain", "reference", "fused"])
def implementation(request: pytest.FixtureRequest) -> str:
    """Each implementation of the latent op that is there."""
    if request.param == "fused":
        request.getfixturevalue("library")
    return request.param


@pytest.fixture(autouse=True)
def _restored_policy():
    before = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(before)


# Fixtures of a module are made before those of its tests, and some set a policy.
@pytest.fixture(autouse=True, scope="module")
def _restored_policy_of_the_module():
    before = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(before)


@pytest.fixture
def float64():
    """Networks and losses in float64: how closed forms and whole runs are compared."""
    keras.config.set_dtype_policy("float64")


@pytest.fixture
def mixed_bfloat16():
    """Networks in bfloat16, weights and losses in float32."""
    keras.config.set_dtype_policy("mixed_bfloat16")
