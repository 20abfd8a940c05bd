"""`tfvae.data.digits`."""

import numpy as np

from tfvae.data import digits


def test_digits():
    source = digits.read()
    assert source.train.x.shape == (1797, 8, 8, 1)
    assert source.train.x.dtype == np.uint8
    assert (source.train.x.min(), source.train.x.max()) == (0, 16)
    assert np.bincount(source.train.y).size == len(source.label_names) == 10
