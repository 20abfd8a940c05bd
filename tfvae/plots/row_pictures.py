"""Pictures of a model of rows of numbers, from a subject."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tfvae.plots import interpolations as ways
from tfvae.plots import reconstructions as originals
from tfvae.plots import tables
from tfvae.plots import traversals as moves
from tfvae.plots.image_pictures import traversed
from tfvae.plots.subject import Array, Subject

MOST_ROWS = 1000


def reconstructions(subject: Subject) -> Figure:
    """Reconstruction against original, column by column; each row with its own y."""
    real = _real(subject)
    means = _flat(subject.data.scaling.inverse(subject.reconstructed(np.arange(len(real)))))
    return originals.column_reconstructions(real, means, _columns(subject), examples=subject.kind("rows"))


def real_and_generated(subject: Subject) -> Figure:
    """The two most correlated columns, real and generated."""
    real, generated = _real(subject), _generated(subject)
    pair = tables.most_correlated(real)
    names = _columns(subject)
    return tables.real_and_generated(real, generated, names, subject.seed, columns=pair, when=subject.when)


def histograms(subject: Subject) -> Figure:
    """Each column, real and generated."""
    return tables.histograms(_real(subject), _generated(subject), _columns(subject), subject.seed, when=subject.when)


def traversals(subject: Subject) -> Figure:
    """One dimension at a time, for the dimensions with most KL."""
    dimensions, points = traversed(subject)
    rows = _decoded(subject, points)
    return moves.column_traversals(rows, dimensions, subject.kl, _columns(subject), at=subject.at)


def interpolations(subject: Subject) -> Figure:
    """Paths between pairs of examples."""
    starts, ends = subject.pairs()
    straight, great = subject.paths(subject.codes[starts], subject.codes[ends], 41)
    spherical = None if great is None else _decoded(subject, great)
    return ways.column_interpolations(_decoded(subject, straight), spherical, _columns(subject), at=subject.at)


def _decoded(subject: Subject, z: Array) -> Array:
    """Means of p(x|z) as rows `[…, columns]` in model units."""
    x = subject.decoded(z)
    return x.reshape(*x.shape[: x.ndim - len(subject.data.shape)], -1)


def _real(subject: Subject) -> Array:
    return _flat(subject.view.raw[:MOST_ROWS])


def _generated(subject: Subject) -> Array:
    # Means of p(x|z) lack the spread of the likelihood, so only draws can be compared with the data.
    return _flat(subject.sampled(min(len(subject.view), MOST_ROWS), draw=True))


def _columns(subject: Subject) -> list[str]:
    return list(subject.data.feature_names or (f"x{i}" for i in range(int(np.prod(subject.data.shape)))))


def _flat(x: NDArray[Any]) -> Array:
    return np.asarray(x, np.float64).reshape(len(x), -1)
