"""`tfvae.data.arrays`."""

import numpy as np
import pytest

from tfvae.data import arrays
from tfvae.errors import UserError


def test_examples_keep_their_dtype():
    assert arrays.examples(np.zeros([2, 3], np.uint8), "x").dtype == np.uint8
    assert arrays.examples(np.zeros([2, 3], ">f4"), "x").dtype == np.dtype("=f4")
    assert arrays.examples(np.ones([2, 3], bool), "x").dtype == np.float32


def test_grey_images_get_their_channel():
    assert arrays.examples(np.zeros([2, 5, 6]), "x").shape == (2, 5, 6, 1)


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (np.array([["a"]]), "x: got values of type <U1, expected numbers"),
        (np.array([[1j]]), "complex"),
        (np.zeros(3), r"x: got shape \[3\]"),
        (np.zeros([0, 3]), r"\[0, 3\], which is empty"),
        ([[1, 2], [3]], "different lengths"),
        (np.array([[0.0, 1.0], [2.0, np.nan], [np.inf, 0.0]]), r"x: got nan at index \[1, 1\] \(2 such"),
        (np.full([2, 2, 2, 1], np.inf, np.float32), r"inf at index \[0, 0, 0, 0\]"),
    ],
)
def test_examples_that_cannot_be_used(x, said):
    with pytest.raises(UserError, match=said):
        arrays.examples(x, "x")


def test_labels():
    y, names = arrays.labels(np.array([[3], [1]], np.uint8), 2, "y")
    assert (y.tolist(), y.dtype, names) == ([3, 1], np.int64, None)
    assert arrays.labels([2.0, -1.0], 2, "y")[0].tolist() == [2, -1]
    y, names = arrays.labels(np.array(["dog", "cat", "dog"]), 3, "y")
    assert (y.tolist(), names) == ([1, 0, 1], ("cat", "dog"))
    assert arrays.labels(np.array(["dog", "cat"], object), 2, "y")[1] == ("cat", "dog")
    y, names = arrays.labels(np.array([b"10", b"9"]), 2, "y")
    assert (y.tolist(), names) == ([1, 0], ("9", "10"))


def test_labels_of_two_parts_are_numbered_together():
    (a, b), names = arrays.joint_labels((["c", "a"], 2, "y"), (["b"], 1, "y_val"))
    assert (a.tolist(), b.tolist(), names) == ([2, 0], [1], ("a", "b", "c"))
    with pytest.raises(UserError, match="one holds numbers and the other text"):
        arrays.joint_labels((["c", "a"], 2, "y"), ([1], 1, "y_val"))


@pytest.mark.parametrize(
    ("y", "said"),
    [
        ([1, 2], r"y: got labels of shape \[2\] for 3 examples"),
        (np.zeros([3, 2]), r"shape \[3, 2\]"),
        ([1.0, 2.5, 0.0], "got 2.5 at index 1"),
        ([1.0, 2.0, np.nan], "got nan at index 2"),
        (np.array([0, 1, 2**64 - 1], np.uint64), "at index 2"),
        (np.array([None, 1, 2]), "type object"),
    ],
)
def test_labels_that_do_not_fit(y, said):
    with pytest.raises(UserError, match=said):
        arrays.labels(y, 3, "y")
