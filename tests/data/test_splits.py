"""`tfvae.data.splits`."""

import numpy as np

from tfvae.data.images import ImageFiles
from tfvae.data.splits import Split


def test_take_keeps_examples_and_labels_together():
    part = Split(np.arange(10).reshape(5, 2), np.arange(5)).take(np.array([3, 1]))
    assert part.x.tolist() == [[6, 7], [2, 3]]
    assert part.y.tolist() == [3, 1]
    assert Split(np.zeros([5, 2])).take(np.array([3])).y is None


def test_take_from_files():
    part = Split(ImageFiles(("a", "b", "c"), (8, 8), 3), np.array([0, 1, 2])).take(np.array([2, 0]))
    assert part.x.paths == ("c", "a")
    assert part.y.tolist() == [2, 0]
    assert len(part) == 2
