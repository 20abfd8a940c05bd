"""`tfvae.data.blobs`."""

import numpy as np

from tfvae.data import blobs


def test_a_point_depends_on_its_address_alone():
    few, many = blobs.read(10, 3, seed=4), blobs.read(400, 3, seed=4)
    np.testing.assert_array_equal(few.train.y, many.train.y[:10])
    np.testing.assert_allclose(few.train.x, many.train.x[:10], atol=1e-6)
    assert not np.allclose(blobs.read(10, 3, seed=5).train.x, few.train.x)


def test_clusters_lie_on_the_circle():
    source = blobs.read(4000, 4, seed=0)
    for cluster, centre in enumerate([(3, 0), (0, 3), (-3, 0), (0, -3)]):
        points = source.train.x[source.train.y == cluster]
        n = len(points)  # each bound is five standard errors
        assert abs(n - 4000 / 4) < 5 * np.sqrt(4000 * 0.25 * 0.75)
        np.testing.assert_allclose(points.mean(axis=0), centre, rtol=0, atol=5 * 0.5 / np.sqrt(n))
        np.testing.assert_allclose(points.std(axis=0), 0.5, rtol=0, atol=5 * 0.5 / np.sqrt(2 * n))
