"""Scatter plots of the codes of test examples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tfvae.plots.covariance import prior_contours
from tfvae.plots.style import BLUE, INK, PAIRS, axis_name, class_names, class_style, new_figure, styled

MOST_NAMED = 20


class Gaussian(NamedTuple):
    """A Gaussian prior: mean [latent] and covariance [latent, latent]."""

    mean: NDArray[np.floating]
    covariance: NDArray[np.floating]


Labels = NDArray[np.integer] | None


@styled
def latent_scatter(
    means: NDArray[np.floating],
    y: Labels = None,
    label_names: tuple[str, ...] | None = None,
    *,
    prior: Gaussian | None = None,
    dimensions: tuple[int, int] = (0, 1),
    examples: str | None = None,
) -> Figure:
    """z_mean of each test example along two dimensions, coloured by class, each class named at its median.

    Args:
      means: floats [n, latent].
      y: integers [n], the classes; none: one colour.
      label_names: of the classes.
      prior: its contours are drawn over the points.
      dimensions: the two to draw.
      examples: the examples of the codes, for the title; None: "N test examples".
    """
    figure = new_figure(f"Codes of {examples or _count(means)} (z_mean)", 5.8, 7.4)
    axes = figure.add_subplot()
    _pair(axes, means, y, label_names, prior, dimensions)
    _legend(figure, axes)
    return figure


@styled
def latent_projections(
    means: NDArray[np.floating],
    y: Labels = None,
    label_names: tuple[str, ...] | None = None,
    *,
    prior: Gaussian | None = None,
    examples: str | None = None,
) -> Figure:
    """The three pairwise projections of z_mean for three latent dimensions.

    Args:
      means: floats [n, 3].
      y, label_names, prior, examples: as for `latent_scatter`; contours are those of the prior's margins.
    """
    figure = new_figure(f"Codes of {examples or _count(means)} (z_mean), from three sides", 4.5, 12.6)
    panels = figure.subplots(1, 3)
    for axes, pair in zip(panels, PAIRS, strict=True):
        _pair(axes, means, y, label_names, prior, pair)
    _legend(figure, panels[0])
    return figure


@styled
def latent_scatter_3d(
    means: NDArray[np.floating],
    y: Labels = None,
    label_names: tuple[str, ...] | None = None,
    *,
    examples: str | None = None,
) -> Figure:
    """z_mean of each test example in three dimensions, coloured by class.

    Args:
      means: floats [n, 3].
      y, label_names, examples: as for `latent_scatter`.
    """
    figure = new_figure(f"Codes of {examples or _count(means)} (z_mean)", 5.6, 6.8)
    axes = figure.add_subplot(projection="3d")
    for rows, name, colour, marker in _classes(means, y, label_names):
        points = axes.scatter(*rows.T, s=_size(means), color=colour, marker=marker, label=name, depthshade=False)
        points.set(alpha=0.7, linewidths=0)
    axes.set_xlabel(axis_name(0))
    axes.set_ylabel(axis_name(1))
    axes.set_zlabel(axis_name(2))
    axes.view_init(elev=22, azim=-55)
    axes.set_box_aspect(None, zoom=1.0)
    _legend(figure, axes)
    return figure


def _pair(
    axes: Axes,
    means: NDArray[np.floating],
    y: Labels,
    label_names: tuple[str, ...] | None,
    prior: Gaussian | None,
    dimensions: tuple[int, int],
) -> None:
    shown = means[:, list(dimensions)]
    classes = _classes(shown, y, label_names)
    for rows, name, colour, marker in classes:
        axes.scatter(
            rows[:, 0], rows[:, 1], s=_size(means), color=colour, marker=marker, alpha=0.5, linewidths=0, label=name
        )
    if prior is not None:
        both = np.ix_(dimensions, dimensions)
        prior_contours(axes, prior.mean[list(dimensions)], prior.covariance[both])
    if 1 < len(classes) <= MOST_NAMED:
        for rows, name, _, _ in classes:
            text = axes.text(*np.median(rows, axis=0), name, ha="center", va="center", weight="bold", color=INK)
            text.set_path_effects([patheffects.withStroke(linewidth=3.0, foreground="white")])
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel(axis_name(dimensions[0]))
    axes.set_ylabel(axis_name(dimensions[1]))


def _classes(
    means: NDArray[np.floating], y: Labels, label_names: tuple[str, ...] | None
) -> list[tuple[NDArray[np.floating], str, str, str]]:
    """Rows, name, colour and marker of each class that occurs."""
    if y is None:
        return [(means, "an example", BLUE, "o")]
    names = class_names(y, label_names)
    return [(means[y == value], name, *class_style(place)) for place, (value, name) in enumerate(names)]


def _size(means: NDArray[np.floating]) -> float:
    return float(np.clip(6000.0 / max(len(means), 1), 5.0, 16.0))


def _count(means: NDArray[np.floating]) -> str:
    return f"{len(means)} test examples"


def _legend(figure: Figure, axes: Axes) -> None:
    handles, names = axes.get_legend_handles_labels()
    columns = 1 if len(names) <= MOST_NAMED else -(-len(names) // MOST_NAMED)
    legend = figure.legend(handles, names, loc="outside right upper", ncols=columns)
    for handle in legend.legend_handles:
        if handle is not None and hasattr(handle, "set_sizes"):
            handle.set_sizes([40.0])
            handle.set_alpha(1.0)
