"""Pictures of a model of images, from a subject."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from tfvae.plots import grids
from tfvae.plots import interpolations as ways
from tfvae.plots import manifold as manifolds
from tfvae.plots import reconstructions as originals
from tfvae.plots import traversals as moves
from tfvae.plots.style import PAIRS
from tfvae.plots.subject import Array, Subject

MOST_TRAVERSED = 10
MOST_CLASSES, CLASS_COLUMNS = 20, 10


def reconstructions(subject: Subject) -> Figure:
    """Originals above reconstructions, one of each class in turn; each with its own y."""
    chosen = subject.order[: 20 if subject.small else 10]
    images, means = subject.shown(subject.view.x[chosen]), subject.shown(subject.reconstructed(chosen))
    names, kind = subject.class_names(chosen), subject.kind("images")
    return originals.reconstructions(images, means, names=names, examples=kind)


def samples(subject: Subject) -> Figure:
    """Means of p(x|z) for z from the prior."""
    images = _model_units(subject, subject.sampled(100 if subject.small else 36))
    return grids.samples(images, subject.seed, when=subject.when)


def class_samples(subject: Subject) -> Figure:
    """Samples of each class, one row per class; a column shares its noise, so only y varies."""
    condition = subject.vae.condition
    assert condition is not None
    count = min(condition.size, MOST_CLASSES)
    rows = [_model_units(subject, subject.sampled(CLASS_COLUMNS, y=label)) for label in range(count)]
    return grids.class_samples(np.stack(rows), condition.names, subject.seed)


def traversals(subject: Subject) -> Figure:
    """One dimension at a time, for the dimensions with most KL."""
    dimensions, points = traversed(subject)
    return moves.traversals(_decoded(subject, points), dimensions, subject.kl, at=subject.at)


def interpolations(subject: Subject) -> Figure:
    """Paths between pairs of examples."""
    starts, ends = subject.pairs()
    straight, great = subject.paths(subject.codes[starts], subject.codes[ends], 11)
    spherical = None if great is None else _decoded(subject, great)
    first, last = subject.shown(subject.view.x[starts]), subject.shown(subject.view.x[ends])
    return ways.interpolations(_decoded(subject, straight), spherical, first, last, at=subject.at)


def manifold(subject: Subject) -> Figure:
    """The prior over its quantiles, for two latent dimensions."""
    points = manifolds.manifold_points(subject.from_noise, 2, steps=21 if subject.small else 13)
    correlated = "correlated prior" in subject.capabilities
    return manifolds.manifold(_decoded(subject, points), correlated=correlated, at=subject.at)


def manifold_slices(subject: Subject) -> Figure:
    """Three slices of the prior over its quantiles, for three latent dimensions."""
    steps = 17 if subject.small else 9
    points = [manifolds.manifold_points(subject.from_noise, 3, pair, steps) for pair in PAIRS]
    slices = [_decoded(subject, part) for part in points]
    correlated = "correlated prior" in subject.capabilities
    return manifolds.manifold_slices(slices, correlated=correlated, at=subject.at)


def traversed(subject: Subject) -> tuple[list[int], Array]:
    """The dimensions with most KL, in that order, and the codes along each."""
    dimensions = subject.by_kl[:MOST_TRAVERSED]
    mean, matrix = subject.prior_moments
    start = subject.codes[subject.held]
    return dimensions, moves.traversal_points(start, mean, np.sqrt(np.diag(matrix)), dimensions)


def _decoded(subject: Subject, z: Array) -> Array:
    return subject.shown(subject.decoded(z))


def _model_units(subject: Subject, x: Array) -> Array:
    return subject.shown(subject.data.scaling.forward(x))
