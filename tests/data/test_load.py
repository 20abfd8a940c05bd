"""`tfvae.data.load`: whole data sets."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tfvae import noise
from tfvae.config import Config, override
from tfvae.config.data import Blobs, Csv, Digits, Images, KerasSet, Npz
from tfvae.data import load, pipeline
from tfvae.data.images import ImageFiles
from tfvae.data.scaling import Scaling
from tfvae.errors import UserError


def _parts(data):
    return data.train, data.validation, data.test


def test_digits_by_default():
    data = load.load(Digits(), seed=0)
    assert data.name == "digits"
    assert data.shape == (8, 8, 1)
    assert [len(part) for part in _parts(data)] == [1294, 144, 359]
    assert data.scaling.forward(data.train.x).max() == 1
    assert data.scaling.inverse(data.scaling.forward(data.test.x)).dtype == np.uint8
    assert "359 of 1797" in data.notes[0]


@pytest.fixture
def counted(tmp_path):
    path = tmp_path / "counted.npz"
    np.savez(path, x=np.arange(100.0).reshape(100, 1), y=np.arange(100))
    return Npz(path=str(path))


def test_splits_share_nothing_and_follow_the_seed(counted):
    data = load.load(counted, seed=3)
    at = [part.y.tolist() for part in _parts(data)]
    assert [len(part) for part in at] == [72, 8, 20]
    assert sorted(at[0] + at[1] + at[2]) == list(range(100))
    assert all(part == sorted(part) for part in at)
    np.testing.assert_array_equal(data.train.x[:, 0], data.train.y)
    order = pipeline.order(3, noise.LAST_STEP, 100)
    assert at[2] == sorted(order[:20])
    assert at[1] == sorted(order[20:28])
    assert at == [part.y.tolist() for part in _parts(load.load(counted, seed=3))]
    assert at != [part.y.tolist() for part in _parts(load.load(counted, seed=4))]


def test_scaling_is_fitted_on_the_training_part_alone(tmp_path):
    x = np.zeros([100, 1])
    test_at = pipeline.order(0, noise.LAST_STEP, 100)[:20]
    x[:, 0] = np.arange(100) / 1000
    x[test_at] = 1e6
    np.savez(tmp_path / "x.npz", x=x)
    data = load.load(Npz(path=str(tmp_path / "x.npz"), scaling="min-max"), seed=0)
    assert data.scaling.factor.max() < 1
    assert data.test.x.min() == 1e6


def test_a_test_split_of_the_source_stays_whole(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, [50, 8, 8], np.uint8)
    np.savez(tmp_path / "mnist.npz", x_train=x[:40], y_train=np.arange(40) % 10, x_test=x[40:], y_test=np.arange(10))
    data = load.load(KerasSet(name="mnist", dir=str(tmp_path)), seed=0)
    assert [len(part) for part in _parts(data)] == [36, 4, 10]
    np.testing.assert_array_equal(data.test.x[..., 0], x[40:])
    assert data.test.y.tolist() == list(range(10))
    assert (data.scaling.kind, float(data.scaling.factor), data.scaling.integer) == ("unit", 255.0, True)


def test_mnist(shared_data):
    data = load.load(KerasSet(name="mnist", dir=str(shared_data)), seed=0)
    assert [len(part) for part in _parts(data)] == [54000, 6000, 10000]
    assert data.shape == (28, 28, 1)
    assert data.train.x.dtype == np.uint8


def test_blobs():
    data = load.load(Blobs(num_examples=100, num_clusters=3), seed=0)
    assert data.shape == (2,)
    assert data.scaling.kind == "z-score"
    assert data.label_names == ("cluster 0", "cluster 1", "cluster 2")


@pytest.mark.parametrize("scaling", ["auto", "min-max", "z-score", "none"])
def test_csv_rows_come_back_in_the_users_units(tmp_path, scaling):
    rows = [f"{1900 + i},{i * 0.5},{'ab'[i % 2]}" for i in range(30)]
    (tmp_path / "t.csv").write_text("\n".join(["year,size,kind", *rows]))
    settings = Csv(path=str(tmp_path / "t.csv"), label="kind", scaling=scaling)
    data = load.load(settings, seed=0)
    assert data.scaling.kind == ("z-score" if scaling == "auto" else scaling)
    assert data.feature_names == ("year", "size")
    assert data.label_names == ("a", "b")
    model = data.scaling.forward(data.train.x)
    np.testing.assert_allclose(data.scaling.inverse(model), data.train.x, rtol=1e-6, atol=1e-5)


def test_images_are_split_and_streamed(tmp_path):
    for i in range(12):
        path = tmp_path / "ab"[i % 2] / f"{i:02}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(tf.io.encode_png(np.full([9, 9, 3], i, np.uint8)).numpy())
    settings = Images(path=str(tmp_path), image_size=(8, 10), channels=1)
    data = load.load(settings, seed=0)
    assert data.shape == (8, 10, 1)
    assert [len(part) for part in _parts(data)] == [9, 1, 2]
    assert isinstance(data.train.x, ImageFiles)
    assert len({path for part in _parts(data) for path in part.x.paths}) == 12
    assert data.label_names == ("a", "b")
    for path, label in zip(data.train.x.paths, data.train.y, strict=True):
        assert path.split("/")[-2] == "ab"[label]
    assert (data.scaling.kind, data.scaling.integer) == ("unit", True)
    with pytest.raises(UserError, match="z-score for streamed images"):
        load.load(dataclasses.replace(settings, scaling="z-score"), seed=0)


def test_too_few_examples(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.zeros([2, 3]))
    with pytest.raises(UserError, match="2 examples are too few"):
        load.load(Npz(path=str(tmp_path / "x.npz")), seed=0)


def test_attributes_need_a_network_that_takes_them(tmp_path):
    config = override(Config(), ["data.name=csv", "data.attributes=[width]"])
    with pytest.raises(UserError, match=r"data\.attributes: got width, but network\.condition is none"):
        load.for_recipe(config)


def test_a_label_without_a_training_example_is_said(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.zeros([20, 3]), y=np.array([0, 2] * 10))
    assert load.load(Npz(path=str(tmp_path / "x.npz")), seed=0, condition="label").notes[-1] == (
        "condition: no training example has the label 1."
    )


def test_a_label_of_the_test_split_alone_is_a_class(tmp_path):
    y = np.zeros(20, np.int64)
    np.savez(tmp_path / "x.npz", x_train=np.zeros([20, 3]), y_train=y, x_test=np.zeros([4, 3]), y_test=y[:4] + 2)
    data = load.load(Npz(path=str(tmp_path / "x.npz")), seed=0, condition="label")
    assert data.condition.names == ("0", "1", "2")
    assert data.notes[-1] == "condition: no training example has the label 1, 2."


def test_missing_files():
    with pytest.raises(UserError, match=r"data\.path"):
        load.load(Csv(), seed=0)
    with pytest.raises(UserError, match=r"data\.path: nowhere\.npz does not exist"):
        load.load(Npz(path="nowhere.npz"), seed=0)
    with pytest.raises(UserError, match=r"data\.path: nowhere does not exist"):
        load.load(Images(path="nowhere"), seed=0)


def test_binarisation_needs_the_unit_interval(counted):
    for scaling in ("none", "z-score"):
        with pytest.raises(UserError, match="binarize: got dynamic"):
            load.load(dataclasses.replace(counted, scaling=scaling, binarize="dynamic"), seed=0)
    assert load.load(dataclasses.replace(counted, binarize="dynamic"), seed=0).scaling.kind == "min-max"


def test_from_arrays():
    x = np.random.default_rng(0).integers(0, 256, [10, 8, 8], np.uint8)
    data = load.from_arrays(x, np.array(list("ab" * 5)), (x[:2], np.array(["c", "a"])))
    assert data.shape == (8, 8, 1)
    assert [len(part) for part in _parts(data)] == [10, 2, 0]
    assert data.label_names == ("a", "b", "c")
    assert data.validation.y.tolist() == [2, 0]
    assert data.scaling.kind == "unit"
    given = Scaling.identity()
    assert load.from_arrays(x, scaling=given).scaling is given
    assert len(load.from_arrays(x, validation=x[:3]).validation) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"x": np.array([[np.nan]])}, r"x: got nan at index \[0, 0\]"),
        ({"x": np.zeros([4, 3]), "y": np.zeros(3)}, "for 4 examples"),
        ({"x": np.zeros([4, 3]), "validation": np.zeros([4, 2])}, r"an example has shape \[2\], but in x it has \[3\]"),
        ({"x": np.zeros([4, 3]), "validation": (1, 2, 3)}, "got 3 parts"),
        ({"x": np.zeros([4, 3]), "scaling": "cubic"}, "got 'cubic'"),
    ],
)
def test_arrays_that_do_not_fit(arguments, said):
    with pytest.raises(UserError, match=said):
        load.from_arrays(**arguments)
