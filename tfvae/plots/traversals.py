"""Traversals: one latent dimension varies at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tfvae.plots.grids import Images, channel_note, grid_height, show_grid
from tfvae.plots.style import LONGEST_NAME, WIDTH, new_figure, number, styled, text
from tfvae.plots.tables import MOST_LINES, most_moving

STEPS = np.linspace(-3.0, 3.0, 11)


def traversal_points(
    start: NDArray[np.floating],
    mean: NDArray[np.floating],
    scale: NDArray[np.floating],
    dimensions: Sequence[int],
    steps: NDArray[np.floating] = STEPS,
) -> NDArray[np.float32]:
    """Codes in which one dimension at a time takes mean + step * scale, the others staying at `start`.

    Args:
      start, mean, scale: floats [latent]: the code to start from; mean and standard deviation of the prior.
      dimensions: the dimensions to vary.
      steps: floats [steps], in standard deviations of the prior.

    Returns:
      float32 [dimensions, steps, latent], in latent units.
    """
    points = np.tile(np.asarray(start, np.float32), (len(dimensions), len(steps), 1))
    for row, dimension in enumerate(dimensions):
        points[row, :, dimension] = mean[dimension] + np.asarray(steps) * scale[dimension]
    return points


@styled
def traversals(
    images: Images,
    dimensions: Sequence[int],
    kl: NDArray[np.floating],
    steps: NDArray[np.floating] = STEPS,
    *,
    at: str = "",
) -> Figure:
    """Decoded means along each dimension: a row for each, labelled with its KL.

    Args:
      images: floats [dimensions, steps, height, width, channels] in [0, 1], decoded from `traversal_points`.
      dimensions: the dimensions that vary.
      kl: floats [latent], nats, of every dimension.
      steps: floats [steps], in standard deviations of the prior.
      at: words that end the title, such as ", class 3".
    """
    title = f"Varying one latent dimension at a time{_part(dimensions, kl)}{at}"
    figure = new_figure(title + channel_note(images), 0.85 + grid_height(images, WIDTH - 1.2))
    axes = figure.add_subplot()
    show_grid(
        axes,
        images,
        row_labels=[f"$z_{{{d}}}$  ({kl[d]:.3g} nats)" for d in dimensions],
        column_labels=[number(step, "+.1f") if step else "0" for step in steps],
    )
    axes.set_xlabel(
        "value of that dimension, in prior standard deviations from its mean; the others at the code of one image"
    )
    return figure


@styled
def column_traversals(
    rows: NDArray[np.floating],
    dimensions: Sequence[int],
    kl: NDArray[np.floating],
    feature_names: Sequence[str],
    steps: NDArray[np.floating] = STEPS,
    *,
    at: str = "",
) -> Figure:
    """For rows of numbers: each column's decoded mean against the varied dimension, a panel for each dimension.

    Args:
      rows: floats [dimensions, steps, columns], decoded from `traversal_points`, in model units, because the columns
        share an axis.
      dimensions, kl, steps, at: as for `traversals`.
      feature_names: of the columns; the 8 that change most are shown.
    """
    chosen = most_moving(rows)
    across = min(len(dimensions), 4)
    down = -(-len(dimensions) // across)
    figure = new_figure(
        f"Varying one latent dimension at a time{_part(dimensions, kl)}{at}",
        1.0 + 2.3 * down,
    )
    panels = figure.subplots(down, across, sharey=True, squeeze=False).ravel()
    for panel, axes in enumerate(panels):
        if panel >= len(dimensions):
            axes.set_visible(False)
            continue
        for line, column in enumerate(chosen):
            name = text(feature_names[column], LONGEST_NAME) if panel == 0 else None
            axes.plot(steps, rows[panel, :, column], "-" if line % 2 == 0 else "--", label=name)
        axes.set_title(f"$z_{{{dimensions[panel]}}}$  ({kl[dimensions[panel]]:.3g} nats)")
        axes.set_xlabel("prior standard deviations")
        if panel % across == 0:
            axes.set_ylabel("decoded mean (model units)")
    rest = f" (the {MOST_LINES} that change most)" if len(chosen) < rows.shape[-1] else ""
    figure.legend(loc="outside lower center", ncols=4, title=f"columns{rest}")
    return figure


def _part(dimensions: Sequence[int], kl: NDArray[np.floating]) -> str:
    return f" (the {len(dimensions)} with most KL)" if len(dimensions) < len(kl) else ""
