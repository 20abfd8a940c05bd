"""`tfvae.data.splits`."""

import numpy as np

from tfvae.data.splits import ImageFiles, Split


def test_take_keeps_examples_and_labels_together():
    part = Split(np.arange(10).reshape(5, 2), np.arange(5)).take(np.array([3, 1]))
    assert part.x.tolist() == [[6, 7], [2, 3]]
    assert part.y.tolist() == [3, 1]
    assert Split(np.zeros([5, 2])).take(np.array([3])).y is None


def test_take_from_files():
    files = ImageFiles(("a", "b", "c"), np.array([0, 1, 2]), (8, 8), 3)
    part = Split(files, files.labels).take(np.array([2, 0]))
    assert part.x.paths == ("c", "a")
    assert part.y.tolist() == part.x.labels.tolist() == [2, 0]
    assert len(part) == 2
