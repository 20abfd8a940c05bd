"""`Condition`: encoding y from every form that a user may pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tfvae import UserError, noise
from tfvae.data.condition import Condition, of_labels, of_split

ANIMALS = Condition("label", ("cat", "dog", "owl"), (0.5, 0.3, 0.2))
SIZES = Condition("attributes", ("width", "height"))


@pytest.mark.parametrize(
    ("y", "rows"),
    [
        ([2, 0], [[0, 0, 1], [1, 0, 0]]),
        (["owl", "cat"], [[0, 0, 1], [1, 0, 0]]),
        (np.array([1.0, -1.0]), [[0, 1, 0], [0, 0, 0]]),
        ([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]], [[0, 1, 0], [0, 0, 0]]),
        (1, [[0, 1, 0], [0, 1, 0]]),
        ("dog", [[0, 1, 0], [0, 1, 0]]),
        ([0.2, 0.3, 0.5], [[0.2, 0.3, 0.5], [0.2, 0.3, 0.5]]),
        ([0, 1, 0], [[0, 1, 0], [0, 1, 0]]),
        (np.array(["owl", "cat"], object), [[0, 0, 1], [1, 0, 0]]),
        (np.array([b"owl", b"cat"]), [[0, 0, 1], [1, 0, 0]]),
        ([[2], [-1]], [[0, 0, 1], [0, 0, 0]]),
        ([True, False], [[0, 1, 0], [1, 0, 0]]),
        ([[0, 0, 1]], [[0, 0, 1], [0, 0, 1]]),
    ],
)
def test_labels_in_every_form(y: Any, rows: list[list[float]]) -> None:
    got = ANIMALS.encode(y, 2)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, np.array(rows, np.float32))


def test_attributes_come_as_they_are() -> None:
    np.testing.assert_array_equal(SIZES.encode([[1.5, 2.0], [3.0, -4.0]], 2), [[1.5, 2.0], [3.0, -4.0]])
    for one_for_all in ([1.5, 2.0], [3, -4], [[1.5, 2.0]]):
        for count in (1, 2, 3):
            np.testing.assert_array_equal(SIZES.encode(one_for_all, count), [np.ravel(one_for_all)] * count)
    age = Condition("attributes", ("age",))
    for y in (0.5, [0.5], [0.5, 0.5, 0.5], [[0.5]], [[0.5]] * 3):
        np.testing.assert_array_equal(age.encode(y, 3), [[0.5]] * 3)


def test_as_many_whole_numbers_as_classes_and_examples_are_labels() -> None:
    np.testing.assert_array_equal(ANIMALS.encode([0.0, 1.0, 0.0], 3), np.eye(3)[[0, 1, 0]])
    np.testing.assert_array_equal(ANIMALS.encode([0, 2, 1], 3), np.eye(3)[[0, 2, 1]])
    np.testing.assert_array_equal(ANIMALS.encode([0.5, 0.5, 0.0], 3), np.array([[0.5, 0.5, 0]] * 3, np.float32))


@pytest.mark.parametrize(
    ("condition", "y", "said"),
    [
        (ANIMALS, [3, 0], "expected labels 0 to 2, or -1"),
        (ANIMALS, [-2, 0], "expected labels 0 to 2, or -1"),
        (ANIMALS, [0.5, 1.0], "expected labels 0 to 2"),
        (ANIMALS, ["dgo", "cat"], r"y: unknown label 'dgo' \(did you mean dog\?\). Labels: cat, dog, owl"),
        (ANIMALS, [0, 1, 2], r"expected \[2\] labels or finite numbers of shape \[2, 3\]"),
        (ANIMALS, [[np.nan, 0, 0], [0, 0, 0]], "finite"),
        (ANIMALS, [[9, 9, 9], [0, 0, 1]], r"sums up to 27; expected .*with sums of at most 1"),
        (ANIMALS, [[-1.0, 1.0, 1.0]], "without negative numbers"),
        (SIZES, [0, 1, 2], r"expected finite numbers of shape \[2, 2\], for width, height"),
        (ANIMALS, ["cat", None], "got labels of type object, expected integers or text"),
        (SIZES, 1.0, r"expected finite numbers of shape \[2, 2\]"),
        (SIZES, "cat", r"expected finite numbers of shape \[2, 2\]"),
    ],
)
def test_what_is_no_condition_is_one_sentence(condition: Condition, y: Any, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        condition.encode(y, 2)
    assert "\n" not in str(caught.value)


def test_labels_are_drawn_by_their_frequencies_at_purpose_7() -> None:
    drawn = ANIMALS.draw(seed=3, count=20_000)
    assert drawn.shape == (20_000, 3)
    np.testing.assert_array_equal(drawn.sum(axis=1), 1)
    error = np.sqrt(0.25 / 20_000)
    np.testing.assert_allclose(drawn.mean(axis=0), ANIMALS.frequencies, atol=5 * error)
    uniform = noise.uniform(noise.Address(3, noise.LABELS), [8])[0].numpy()
    np.testing.assert_array_equal(drawn[:8].argmax(axis=1), np.searchsorted([0.5, 0.8], uniform, side="right"))
    np.testing.assert_array_equal(ANIMALS.draw(seed=3, count=5), drawn[:5])


def test_attributes_are_not_drawn() -> None:
    with pytest.raises(UserError, match="conditioned on width, height; pass y"):
        SIZES.draw(seed=0, count=1)
    with pytest.raises(UserError, match="frequencies of the labels are not known; pass y"):
        Condition("label", ("cat", "dog")).draw(seed=0, count=1)


def test_to_dict_and_back() -> None:
    for condition in (ANIMALS, SIZES):
        assert Condition.from_dict(condition.to_dict()) == condition
    for broken in ({}, {"kind": "colour", "names": ["a"]}, {"kind": "label", "names": [], "frequencies": []}):
        with pytest.raises(UserError, match="condition: "):
            Condition.from_dict(broken)


def test_the_condition_of_a_data_set() -> None:
    y = np.array([0, 2, 2, -1])
    assert of_labels(y, None) == Condition("label", ("0", "1", "2"), (1 / 3, 0.0, 2 / 3))
    assert of_split("label", y, ("a", "b", "c"), ()).names == ("a", "b", "c")
    assert of_split("attributes", None, None, ("width",)) == Condition("attributes", ("width",))
    with pytest.raises(UserError, match="the data have no labels"):
        of_split("label", None, None, ())
    with pytest.raises(UserError, match=r"set data\.attributes"):
        of_split("attributes", y, None, ())
    with pytest.raises(UserError, match="got the label 2, expected labels 0 to 1"):
        of_labels(y, ("a", "b"))
    with pytest.raises(UserError, match="got the label -2, expected 0 or more"):
        of_labels(np.array([0, -2]), None)
    with pytest.raises(UserError, match="no example has a label"):
        of_labels(np.array([-1, -1]), None)
