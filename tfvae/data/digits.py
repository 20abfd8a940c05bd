"""scikit-learn's bundled 8x8 digits: 1,797 images, no network."""

from __future__ import annotations

import numpy as np

from tfvae.config.data import Digits
from tfvae.data.splits import Source, Split


def from_settings(settings: Digits, seed: int) -> Source:
    """See `read`."""
    return read()


def read() -> Source:
    """uint8 images `[1797, 8, 8, 1]` of 0 to 16, and labels 0 to 9."""
    # Deferred: it costs a second, which no other source needs.
    from sklearn.datasets import load_digits

    digits = load_digits()
    x = digits.images.astype(np.uint8)[..., np.newaxis]
    return Source(
        train=Split(x, digits.target.astype(np.int64)),
        auto="unit",
        unit_maximum=16.0,
        label_names=tuple(str(i) for i in range(10)),
    )
