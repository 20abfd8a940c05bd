"""The pictures of a run: which ones suit the model and the data, from which arrays, under which names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tfvae.latent.interpolation import linear, spherical
from tfvae.plots import covariance, curves, grids, interpolations, latent_kl, manifold, reconstructions, scatter, tables
from tfvae.plots import traversals as moves
from tfvae.plots.examples import Examples, binarised, decoded, encoded, examples_of, shown
from tfvae.plots.style import save

if TYPE_CHECKING:
    from tfvae.data.splits import DataSet
    from tfvae.models.vae import VAE

SEED = 0
SMALL = 40  # pixels a side, up to which more images go on a page
MOST_TRAVERSED = 10
MOST_PAIRS = 4


def draw(vae: VAE, data: DataSet, metrics: list[dict[str, Any]], folder: Path, *, binarize: str = "none") -> list[Path]:
    """Draws every picture that suits the model and the data, as PNG; `docs/pictures.md` names them.

    Args:
      vae: the trained model.
      data: where the test examples come from; without a test split, validation, else training examples are taken.
      metrics: the lines of `metrics.jsonl`; empty: no curves.
      folder: where to; made if it is not there. A picture of the same name is replaced.
      binarize: as in training, so that the model gets what it was trained on.

    Returns:
      The files written, in the order of drawing.
    """
    examples = examples_of(data)
    written = []
    if metrics:
        written.append(save(curves.curves(metrics), folder / "curves.png"))
    given = binarised(data.scaling.forward(examples.x), binarize)
    z_mean, z_log_var = encoded(vae, given)
    model = _Model(vae, data, examples, given, z_mean, z_log_var)
    parts = (model.latent, model.images, model.priors) if examples.are_images else (model.latent, model.rows)
    for part in parts:
        written.extend(save(figure, folder / f"{name}.png") for name, figure in part())
    return written


def draw_samples(vae: VAE, data: DataSet, path: Path, *, when: str = "", seed: int = SEED) -> Path:
    """Draws what the prior gives, always from the same noise, so that two pictures of one run can be compared.

    Images: means of p(x|z) in a grid. Rows: draws of p(x|z) beside real ones, over the two columns most correlated.

    Args:
      vae: the model, trained or in training.
      data: tells images from rows, and gives the real ones.
      path: the PNG to write.
      when: words for the title, such as "after epoch 3".
      seed: of the noise.
    """
    if len(data.shape) == 3:
        return save(_sampled_images(vae, data, seed, when), path)
    real, generated, names = _real_and_generated(vae, data, examples_of(data), seed)
    if real.shape[1] == 1:
        return save(tables.histograms(real, generated, names, seed, when=when), path)
    pair = tables.most_correlated(real)
    return save(tables.real_and_generated(real, generated, names, seed, columns=pair, when=when), path)


class _Model:
    """A model with the examples that it is looked at through; each method yields names and figures."""

    def __init__(
        self,
        vae: VAE,
        data: DataSet,
        examples: Examples,
        given: NDArray[np.float32],
        z_mean: NDArray[np.float32],
        z_log_var: NDArray[np.float32],
    ) -> None:
        self.vae, self.data, self.examples, self.given = vae, data, examples, given
        self.z_mean, self.z_log_var = z_mean, z_log_var
        self.mean = np.asarray(vae.prior.mean, np.float64)
        self.factor = np.asarray(vae.prior.scale_tril, np.float64)
        self.covariance = self.factor @ self.factor.T
        self.standard = np.array_equal(self.factor, np.eye(len(self.mean))) and not self.mean.any()
        self.kl = np.asarray(vae.elbo(given, seed=SEED).kl_per_dimension, np.float64).mean(axis=0)
        self.first = examples.one_of_each_class()

    def latent(self) -> Iterator[tuple[str, Figure]]:
        """What the codes are like, whatever the data."""
        of = f"{len(self.z_mean)} {self.examples.kind} examples"
        prior = scatter.Gaussian(self.mean, self.covariance)
        y, names = self.examples.y, self.data.label_names
        yield "kl_per_dimension", latent_kl.kl_per_dimension(self.kl, of=of)
        variances = self.z_mean.var(axis=0), np.exp(self.z_log_var).mean(axis=0), np.diag(self.covariance)
        yield "latent_variance", latent_kl.variance_per_dimension(*variances, of=of)
        if len(self.mean) == 2:
            yield "latent_scatter", scatter.latent_scatter(self.z_mean, y, names, prior=prior, of=of)
        elif len(self.mean) == 3:
            yield "latent_scatter", scatter.latent_scatter_3d(self.z_mean, y, names, of=of)
            yield "latent_projections", scatter.latent_projections(self.z_mean, y, names, prior=prior, of=of)
        if not self.standard:
            yield "covariance", covariance.covariance(self.covariance)
            if len(self.mean) > 3:
                a, b = sorted(np.argsort(-self.kl, kind="stable")[:2].tolist())
                figure = scatter.latent_scatter(self.z_mean, y, names, prior=prior, dimensions=(a, b), of=of)
                yield "latent_scatter", figure

    def images(self) -> Iterator[tuple[str, Figure]]:
        """What the decoder makes of codes, for images."""
        chosen = self.first[: 20 if max(self.data.shape[:2]) <= SMALL else 10]
        originals, means = self.shown(self.given[chosen]), self.decoded(self.z_mean[chosen])
        names = self.examples.class_names(chosen, self.data.label_names)
        of = f"{self.examples.kind} images"
        yield "reconstructions", reconstructions.reconstructions(originals, means, names=names, of=of)
        yield "samples", _sampled_images(self.vae, self.data, SEED)
        dimensions, points = self.traversed()
        yield "traversals", moves.traversals(self.decoded(points), dimensions, self.kl)
        if len(self.first) > 1:
            starts, ends = self.pairs()
            straight, great = self.paths(self.z_mean[starts], self.z_mean[ends], 11)
            given = self.shown(self.given[starts]), self.shown(self.given[ends])
            yield "interpolations", interpolations.interpolations(self.decoded(straight), self.decoded(great), *given)

    def priors(self) -> Iterator[tuple[str, Figure]]:
        """The prior over its quantiles, for images and two or three latent dimensions."""
        small = max(self.data.shape[:2]) <= SMALL
        if len(self.mean) == 2:
            points = manifold.manifold_points(self.mean, self.factor, steps=21 if small else 13)
            yield "manifold", manifold.manifold(self.decoded(points), correlated=not self.standard)
        elif len(self.mean) == 3:
            steps = 17 if small else 9
            slices = [
                self.decoded(manifold.manifold_points(self.mean, self.factor, pair, steps)) for pair in manifold.PAIRS
            ]
            yield "manifold_slices", manifold.manifold_slices(slices, correlated=not self.standard)

    def rows(self) -> Iterator[tuple[str, Figure]]:
        """What the decoder makes of codes, for rows of numbers."""
        real, generated, names = _real_and_generated(self.vae, self.data, self.examples, SEED)
        means = self.data.scaling.inverse(decoded(self.vae, self.z_mean[: len(real)]))
        of = f"{self.examples.kind} rows"
        yield "reconstructions", reconstructions.column_reconstructions(real, _flat(means), names, of=of)
        if real.shape[1] > 1:
            pair = tables.most_correlated(real)
            yield "real_and_generated", tables.real_and_generated(real, generated, names, SEED, columns=pair)
        yield "histograms", tables.histograms(real, generated, names, SEED)
        dimensions, points = self.traversed()
        yield "traversals", moves.column_traversals(self.flat_decoded(points), dimensions, self.kl, names)
        if len(self.first) > 1:
            starts, ends = self.pairs()
            straight, great = self.paths(self.z_mean[starts], self.z_mean[ends], 41)
            lines = self.flat_decoded(straight), self.flat_decoded(great)
            yield "interpolations", interpolations.column_interpolations(*lines, names)

    def traversed(self) -> tuple[list[int], NDArray[np.float32]]:
        """The dimensions with most KL, in that order, and the codes along each."""
        dimensions = np.argsort(-self.kl, kind="stable")[:MOST_TRAVERSED].tolist()
        scale = np.sqrt(np.diag(self.covariance))
        return dimensions, moves.traversal_points(self.z_mean[self.first[0]], self.mean, scale, dimensions)

    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Examples to go from and to; of different classes, where there are classes."""
        count = min(MOST_PAIRS, len(self.first) // 2)
        return self.first[0 : 2 * count : 2], self.first[1 : 2 * count : 2]

    def paths(
        self, start: NDArray[np.float32], end: NDArray[np.float32], steps: int
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Codes along both paths, the sphere being that of eps in z = m + L eps."""
        a, b = (np.linalg.solve(self.factor, (z - self.mean).T).T for z in (start, end))
        return linear(start, end, steps), self.mean + spherical(a, b, steps) @ self.factor.T

    def shown(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Model units as grey levels or colours in [0, 1]."""
        return shown(x, self.data)

    def decoded(self, z: NDArray[np.floating]) -> NDArray[np.float32]:
        """Means of p(x|z), ready to be shown."""
        return self.shown(decoded(self.vae, z))

    def flat_decoded(self, z: NDArray[np.floating]) -> NDArray[np.float32]:
        """Means of p(x|z) as rows [..., columns] in model units."""
        return decoded(self.vae, z).reshape(*z.shape[:-1], -1)


def _sampled_images(vae: VAE, data: DataSet, seed: int, when: str = "") -> Figure:
    count = 100 if max(data.shape[:2]) <= SMALL else 36
    samples = vae.sample(count, seed=seed)
    return grids.samples(shown(data.scaling.forward(samples.x), data), seed, when=when)


def _real_and_generated(
    vae: VAE, data: DataSet, examples: Examples, seed: int
) -> tuple[NDArray[np.floating], NDArray[np.floating], list[str]]:
    """As many generated rows as real ones, at most 1000, in the user's units, and the names of their columns."""
    real = _flat(examples.x[:1000])
    # The mean of p(x|z) has less spread than the data by the likelihood's own: only draws can be compared.
    generated = _flat(vae.sample(len(real), seed=seed, draw=True).x)
    return real, generated, list(data.feature_names or (f"x{i}" for i in range(real.shape[1])))


def _flat(x: NDArray[Any]) -> NDArray[np.floating]:
    return np.asarray(x, np.float64).reshape(len(x), -1)
