"""The covariance of the prior, and the contours of its density."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tfvae.plots.style import DIVERGING, INK, new_figure, number, styled

MOST_NUMBERS = 12
MASSES = (0.5, 0.9, 0.99)


@styled
def covariance(matrix: NDArray[np.floating]) -> Figure:
    """A heat map of the prior's covariance, with its numbers if there are few enough to read.

    Args:
      matrix: floats [latent, latent], in latent units squared.
    """
    size = len(matrix)
    side = float(np.clip(1.6 + 0.55 * size, 3.6, 7.5))
    figure = new_figure("Covariance of the prior", side, side + 1.0)
    axes = figure.add_subplot()
    bound = float(np.abs(matrix).max()) or 1.0
    image = axes.imshow(matrix, cmap=DIVERGING, vmin=-bound, vmax=bound)
    axes.grid(False)
    every = -(-size // 20)
    ticks = np.arange(0, size, every)
    axes.set_xticks(ticks, [f"$z_{{{i}}}$" for i in ticks])
    axes.set_yticks(ticks, [f"$z_{{{i}}}$" for i in ticks])
    axes.tick_params(length=0)
    if size <= MOST_NUMBERS:
        for row, column in np.ndindex(size, size):
            dark = abs(matrix[row, column]) > 0.6 * bound
            axes.text(column, row, number(float(matrix[row, column])), ha="center", va="center",
                      fontsize=8 if size > 6 else 10, color="white" if dark else INK)  # fmt: skip
    figure.colorbar(image, ax=axes, label="covariance (latent units²)", shrink=0.9)
    return figure


def prior_contours(axes: Axes, mean: NDArray[np.floating], matrix: NDArray[np.floating]) -> None:
    """Draws the ellipses that contain 50, 90 and 99 % of the mass of a Gaussian prior.

    (z - m)^T S^-1 (z - m) = -2 log(1 - mass): the quantile of chi-squared with two degrees of freedom

    Args:
      axes: to draw on.
      mean: floats [2], m.
      matrix: floats [2, 2], S.
    """
    angle = np.linspace(0.0, 2.0 * np.pi, 181)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    factor = np.linalg.cholesky(np.asarray(matrix, np.float64))
    for mass, line in zip(MASSES, ("-", "--", ":"), strict=True):
        ellipse = mean + np.sqrt(-2.0 * np.log1p(-mass)) * circle @ factor.T
        axes.plot(ellipse[:, 0], ellipse[:, 1], line, color=INK, linewidth=1.0, label=f"{100 * mass:g} % of the prior")
