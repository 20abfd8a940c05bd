"""`tfvae.data.keras_sets`."""

import keras
import numpy as np
import pytest

from tfvae.data import keras_sets
from tfvae.errors import UserError


def _arrays(n=6, shape=(8, 8, 3)):
    x = np.random.default_rng(0).integers(0, 256, [n, *shape], np.uint8)
    return {"x_train": x, "y_train": np.arange(n)[:, None] % 10, "x_test": x[:2], "y_test": np.array([[1], [0]])}


def test_mnist_as_it_is(shared_data):
    source = keras_sets.read("mnist", str(shared_data))
    assert source.train.x.shape == (60000, 28, 28, 1)
    assert source.train.x.dtype == np.uint8
    assert source.test.x.shape == (10000, 28, 28, 1)
    assert source.train.y[:5].tolist() == [5, 0, 4, 1, 9]
    assert source.label_names[9] == "9"


def test_cifar_labels_are_flattened(tmp_path):
    np.savez(tmp_path / "cifar10.npz", **_arrays())
    source = keras_sets.read("cifar10", str(tmp_path))
    assert source.train.x.shape == (6, 8, 8, 3)
    assert source.train.y.tolist() == [0, 1, 2, 3, 4, 5]
    assert source.label_names[3] == "cat"


def test_missing_file_tells_what_is_there(tmp_path):
    np.savez(tmp_path / "cifar10_subset.npz", **_arrays())
    with pytest.raises(UserError, match=r"no cifar10\.npz in .*: cifar10_subset\.npz"):
        keras_sets.read("cifar10", str(tmp_path))
    with pytest.raises(UserError, match=r"nowhere does not exist; expected a folder with mnist\.npz"):
        keras_sets.read("mnist", str(tmp_path / "nowhere"))


def test_another_layout_is_refused(tmp_path):
    np.savez(tmp_path / "mnist.npz", x=_arrays()["x_train"])
    with pytest.raises(UserError, match="Keras's layout"):
        keras_sets.read("mnist", str(tmp_path))
    np.savez(tmp_path / "mnist.npz", **{**_arrays(), "y_test": np.array([0, 10])})
    with pytest.raises(UserError, match="labels 0 to 9 in y_test"):
        keras_sets.read("mnist", str(tmp_path))


def test_failed_download_says_how_to_do_without(monkeypatch):
    def fail():
        raise Exception("URL fetch failure on somewhere: no route")

    monkeypatch.setattr(keras.datasets.fashion_mnist, "load_data", fail)
    with pytest.raises(UserError, match=r"download failed \(URL fetch failure.*--set data\.dir=DIR"):
        keras_sets.read("fashion_mnist", None)


def test_download_has_the_same_form(monkeypatch):
    arrays = _arrays(shape=(8, 8))
    loaded = (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])
    monkeypatch.setattr(keras.datasets.mnist, "load_data", lambda: loaded)
    source = keras_sets.read("mnist", None)
    assert source.train.x.shape == (6, 8, 8, 1)
    assert source.test.y.tolist() == [1, 0]
