"""One TensorFlow for the whole session, with two logical CPUs so that strategies can be tried."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Several workers share the cores; processes that tests start inherit it.
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    threads = max(1, len(os.sched_getaffinity(0)) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))
    for name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))

import keras
import pytest
import tensorflow as tf

from tfvae import native

pytest_plugins = ["tests.small_runs"]

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that no worker is left alone with a long one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with mnist.npz and cifar10_jpeg_subset.npz: TFVAE_DATA, or ../shared/data."""
    folder = Path(os.environ.get("TFVAE_DATA", Path(__file__).parents[1].parent / "shared" / "data"))
    if not (folder / "mnist.npz").is_file():
        pytest.skip(f"no mnist.npz in {folder}; name a folder with TFVAE_DATA")
    return folder


@pytest.fixture
def library() -> None:
    """The compiled latent op; a test that needs it is skipped, with the reason, if it is missing."""
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
