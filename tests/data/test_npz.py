"""`tfvae.data.npz`."""

import numpy as np
import pytest

from tfvae.data import npz
from tfvae.errors import UserError

X = np.arange(24, dtype=np.float32).reshape(6, 4)


def _write(folder, **arrays):
    path = folder / "data.npz"
    np.savez(path, **arrays)
    return path


def test_x_alone(tmp_path):
    source = npz.read(_write(tmp_path, x=X))
    np.testing.assert_array_equal(source.train.x, X)
    assert source.train.y is None
    assert source.test is None


def test_train_and_test_with_text_labels(tmp_path):
    path = _write(tmp_path, x_train=X, y_train=np.array(list("cacaca")), x_test=X[:2], y_test=np.array(["b", "c"]))
    source = npz.read(path)
    assert source.label_names == ("a", "b", "c")
    assert source.train.y.tolist() == [2, 0, 2, 0, 2, 0]
    assert source.test.y.tolist() == [1, 2]


def test_training_part_alone(tmp_path):
    source = npz.read(_write(tmp_path, x_train=X, y_train=np.arange(6)))
    assert source.test is None
    assert source.train.y.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"images": X}, "contains images; expected an array x"),
        ({"y": np.zeros(6)}, "contains y; expected an array x"),
        ({"x": X, "y": np.zeros(5)}, r"data.npz: y: got labels of shape \[5\] for 6 examples"),
        ({"x_train": X, "x_test": X[:, :3]}, r"\[4\] in x_train and \[3\] in x_test"),
        ({"x_train": X, "x_test": X.astype(np.uint8)}, "x_train has values of type float32 and x_test of type uint8"),
        ({"x_train": X, "x_test": X, "y_train": np.zeros(6)}, "has y_train but no y_test"),
        ({"x": np.where(X == 9, np.nan, X)}, r"x: got nan at index \[2, 1\]"),
        ({"x": np.array([[{}]], object)}, "pickled"),
        ({"x": np.array([["1"]])}, "expected numbers"),
    ],
)
def test_arrays_that_cannot_be_used(tmp_path, arrays, said):
    with pytest.raises(UserError, match=said):
        npz.read(_write(tmp_path, **arrays))


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_a_validation_split_of_the_users_own(tmp_path, name):
    arrays = {"x_train": X, "y_train": np.arange(6), f"x_{name}": X[:2] + 100, f"y_{name}": np.arange(2)}
    source = npz.read(_write(tmp_path, **arrays))
    np.testing.assert_array_equal(source.validation.x, X[:2] + 100)
    assert source.validation.y.tolist() == [0, 1]
    assert source.test is None
    assert source.origin == {"train": "the array x_train", "validation": f"the array x_{name}"}


def test_three_splits_with_text_labels_are_numbered_together(tmp_path):
    text = {"train": list("cacaca"), "val": ["d"], "test": ["b"]}
    arrays = {f"y_{name}": np.array(labels) for name, labels in text.items()}
    arrays |= {f"x_{name}": X[: len(labels)] for name, labels in text.items()}
    source = npz.read(_write(tmp_path, **arrays))
    assert source.label_names == ("a", "b", "c", "d")
    assert (source.validation.y.tolist(), source.test.y.tolist()) == ([3], [1])


def test_a_test_split_beside_x(tmp_path):
    source = npz.read(_write(tmp_path, x=X, x_test=X[:1]))
    assert (len(source.train), len(source.test)) == (6, 1)


def test_arrays_that_are_not_used_are_said(tmp_path):
    source = npz.read(_write(tmp_path, x_train=X, x=X, y=np.zeros(6), groups=np.zeros(6)))
    assert source.notes[0].endswith("not used: x, y, groups.")


def test_two_arrays_for_one_split_are_refused(tmp_path):
    with pytest.raises(UserError, match="has x_val and x_valid, which all name the validation split"):
        npz.read(_write(tmp_path, x_train=X, x_val=X, x_valid=X))


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "text", "pickle", "npy", "header", "huge", "endless"])
def test_broken_files_are_a_sentence(tmp_path, damage):
    path = _write(tmp_path, x=np.arange(4000.0).reshape(40, 100))
    raw = path.read_bytes()
    if damage == "npy":
        with path.open("wb") as file:
            np.save(file, X)
    else:
        path.write_bytes(
            {
                "cut": raw[: len(raw) // 2],
                "flip": raw[:9000] + bytes([raw[9000] ^ 0xFF]) + raw[9001:],
                "empty": b"",
                "text": b"not an archive",
                "pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x07builtins\x94.",
                # From here on the array's own header declares far more data than the file contains.
                "header": raw.replace(b"(40, 100)", b"(90, 100)"),
                "huge": raw.replace(b"(40, 100), }" + b" " * 9, b"(99999999999, 100), }"),
                "endless": raw.replace(b"(40, 100), }" + b" " * 20, b"(9999999999999999999, 100), }" + b" " * 3),
            }[damage]
        )
    with pytest.raises(UserError, match=r"data\.npz: (cannot be read|contains one unnamed array|its arrays do not)"):
        npz.read(path)
