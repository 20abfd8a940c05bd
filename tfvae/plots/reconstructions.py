"""Originals and their reconstructions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tfvae.plots.grids import Images, channel_note, grid_height, show_grid
from tfvae.plots.style import BLUE, INK, LONGEST_NAME, WIDTH, new_figure, styled, text

MOST_COLUMNS = 12


@styled
def reconstructions(
    originals: Images, means: Images, *, names: Sequence[str] = (), columns: int = 10, examples: str = "test images"
) -> Figure:
    """Each original above the mean of p(x|z) at the point of q(z|x), such as z_mean.

    Args:
      originals, means: floats [n, height, width, channels] in [0, 1].
      names: the class of each image, written above it; empty for none.
      columns: images per row.
      examples: the kind of examples, for the title.
    """
    columns = min(columns, len(originals))
    blocks = len(originals) // columns
    shape = (blocks, columns, *originals.shape[1:])
    pairs = np.stack([originals[: blocks * columns].reshape(shape), means[: blocks * columns].reshape(shape)], axis=1)
    title = f"{blocks * columns} {examples} and their reconstructions{channel_note(originals)}"
    figure = new_figure(title, 0.45 + blocks * (0.2 + grid_height(pairs[0], WIDTH - 1.1)))
    for block, axes in enumerate(figure.subplots(blocks, squeeze=False)[:, 0]):
        show_grid(
            axes,
            pairs[block],
            row_labels=("original", "reconstruction"),
            column_labels=names[block * columns : (block + 1) * columns],
        )
        axes.xaxis.tick_top()
    return figure


@styled
def column_reconstructions(
    originals: NDArray[np.floating],
    means: NDArray[np.floating],
    feature_names: Sequence[str],
    *,
    examples: str = "test rows",
) -> Figure:
    """For rows of numbers: reconstruction against original, a panel for each column.

    Args:
      originals, means: floats [n, columns], in the user's units; the first 12 columns are shown.
      feature_names: of the columns.
      examples: the kind of examples, for the title.
    """
    shown = min(originals.shape[1], MOST_COLUMNS)
    across = min(shown, 4)
    rows = -(-shown // across)
    rest = f" (first {shown} of {originals.shape[1]} columns)" if shown < originals.shape[1] else ""
    side = WIDTH / max(across, 3)
    figure = new_figure(
        f"{len(originals)} {examples}: reconstruction against original{rest}", 0.6 + rows * side, side * across + 0.3
    )
    for column, axes in enumerate(figure.subplots(rows, across, squeeze=False).ravel()):
        if column >= shown:
            axes.set_visible(False)
            continue
        x, y = originals[:, column], means[:, column]
        low, high = float(min(x.min(), y.min())), float(max(x.max(), y.max()))
        axes.plot([low, high], [low, high], color=INK, linewidth=0.8, linestyle="--", label="perfect")
        axes.plot(x, y, ".", color=BLUE, markersize=4, alpha=0.5, markeredgewidth=0, label="a row")
        axes.set_title(text(feature_names[column], LONGEST_NAME))
        axes.set_xlabel("original")
        if column % across == 0:
            axes.set_ylabel("reconstruction")
        if column == 0:
            axes.legend(loc="upper left", handletextpad=0.3)
    return figure
