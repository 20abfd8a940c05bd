"""Decoded means over the quantiles of the prior."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.special import ndtri

from tfvae.plots.grids import Images, channel_note, grid_height, show_grid
from tfvae.plots.style import PAIRS, new_figure, number, styled

LOWEST, HIGHEST = 0.05, 0.95
SEAMLESS = 16  # pixels; smaller images have no margin, and would run into each other without a gap


def manifold_points(
    from_noise: Callable[[NDArray[np.float64]], NDArray[np.floating]],
    latent_dim: int,
    axes: tuple[int, int] = (0, 1),
    steps: int = 21,
) -> NDArray[np.float32]:
    """Codes at equal steps of the prior's quantiles, so that each represents an equal share of its probability.

    z = m + L eps, with eps_i = Phi^-1(u) for the two axes, u = 0.05, …, 0.95, and eps = 0 (the median) for the others

    Args:
      from_noise: the prior's map from eps to z, both floats [steps, steps, latent].
      latent_dim: D.
      axes: the coordinates of eps on the horizontal and the vertical axis.
      steps: points along each axis.

    Returns:
      float32 [steps, steps, latent], in latent units; the first row is the top, where the second coordinate is largest.

    Source: Kingma and Welling, Auto-encoding variational Bayes, 2013, figure 4 (arXiv:1312.6114); the factor L is ours.
    """
    eps = np.zeros((steps, steps, latent_dim))
    values = quantiles(steps)
    eps[..., axes[0]] = values[None, :]
    eps[..., axes[1]] = values[::-1, None]
    return np.asarray(from_noise(eps), np.float32)


def quantiles(steps: int) -> NDArray[np.float64]:
    """Standard normal values at `steps` equal steps of probability from 0.05 to 0.95."""
    return ndtri(np.linspace(LOWEST, HIGHEST, steps))


@styled
def manifold(images: Images, *, correlated: bool = False, at: str = "") -> Figure:
    """Decoded means over the prior's quantiles, for two latent dimensions.

    Args:
      images: floats [steps, steps, height, width, channels] in [0, 1], decoded from `manifold_points`.
      correlated: the axes are the prior's independent coordinates eps, with z = m + L eps, and not z itself.
      at: words that end the title, such as ", class 3".
    """
    factor = "z = m + L ε" if at else "through the Cholesky factor, z = m + L ε"  # short, to fit the width
    through = factor if correlated else f"quantiles {LOWEST:g} to {HIGHEST:g}"
    title = f"Decoded means over the prior: {through}{at}{channel_note(images)}"
    figure = new_figure(title, 0.75 + grid_height(images, 6.4), 7.2)
    _show(figure.add_subplot(), images, (0, 1), correlated)
    return figure


@styled
def manifold_slices(images: Sequence[Images], *, correlated: bool = False, at: str = "") -> Figure:
    """Three slices through the prior of three latent dimensions, the remaining coordinate at its median.

    Args:
      images: for the pairs (0, 1), (0, 2) and (1, 2) of coordinates: floats [steps, steps, height, width, channels].
      correlated, at: as for `manifold`.
    """
    through = ", z = m + L ε" if correlated else ""
    over = f"quantiles {LOWEST:g} to {HIGHEST:g}{through}{at}"
    title = f"Three slices of the prior, decoded: {over}{channel_note(images[0])}"
    figure = new_figure(title, 0.95 + grid_height(images[0], 3.5), 12.6)
    for axes, pair, rest, slice_ in zip(figure.subplots(1, 3), PAIRS, (2, 1, 0), images, strict=True):
        _show(axes, slice_, pair, correlated)
        axes.set_title(f"$ε_{{{rest}}}$ = 0" if correlated else f"$z_{{{rest}}}$ at the prior's median")
    return figure


def _show(axes: Axes, images: Images, pair: tuple[int, int], correlated: bool) -> None:
    steps = len(images)
    named = set(np.linspace(0, steps - 1, min(steps, 5)).round().astype(int).tolist())
    values = [number(value + 0.0, ".2f") if i in named else "" for i, value in enumerate(quantiles(steps).round(2))]
    show_grid(
        axes, images, row_labels=values[::-1], column_labels=values, gap=0.0 if images.shape[2] >= SEAMLESS else 0.1
    )
    letter, unit = ("ε", "prior standard deviations") if correlated else ("z", "latent units")
    axes.set_xlabel(f"${letter}_{{{pair[0]}}}$ ({unit})")
    axes.set_ylabel(f"${letter}_{{{pair[1]}}}$ ({unit})")
