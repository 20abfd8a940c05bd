"""A two-dimensional mixture of Gaussians, generated from the seed."""

from __future__ import annotations

import math

import numpy as np

from tfvae import noise
from tfvae.config.data import Blobs
from tfvae.data.splits import Source, Split

RADIUS = 3.0
STANDARD_DEVIATION = 0.5


def from_settings(settings: Blobs, seed: int) -> Source:
    """See `read`."""
    return read(settings.num_examples, settings.num_clusters, seed)


def read(count: int, clusters: int, seed: int) -> Source:
    """Points around centres on a circle of radius 3, with standard deviation 0.5; the label is the cluster.

    The normals are purpose 6 at step 0; the cluster is the word of purpose 6 at step 1, modulo the number of clusters.
    For both, the example of the address is the point's index.

    Args:
      count: number of points.
      clusters: number of Gaussians, evenly spaced from angle 0, equally likely.
      seed: the run's seed.

    Returns:
      float32 points `[count, 2]` and int64 labels `[count]`.
    """
    normals = noise.normal(noise.Address(seed, noise.SYNTHETIC, 0), [count, 2])[0].numpy()
    words = noise.words(noise.Address(seed, noise.SYNTHETIC, 1), [count])[0].numpy()
    cluster = (words % np.uint32(clusters)).astype(np.int64)
    angle = 2.0 * math.pi * cluster / clusters
    centre = RADIUS * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return Source(
        train=Split((centre + STANDARD_DEVIATION * normals).astype(np.float32), cluster),
        auto="z-score",
        label_names=tuple(f"cluster {i}" for i in range(clusters)),
        feature_names=("x", "y"),
        generated=True,
    )
