"""Decoded paths from one example to another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tfvae.plots.grids import Images, channel_note, grid_height, show_grid
from tfvae.plots.style import COLOURS, INK, LONGEST_NAME, WIDTH, new_figure, styled, text
from tfvae.plots.tables import MOST_LINES, most_moving


@styled
def interpolations(linear: Images, spherical: Images | None, starts: Images, ends: Images, *, at: str = "") -> Figure:
    """Strips of decoded means between pairs of test images, linear above spherical, the originals at both ends.

    Args:
      linear, spherical: floats [pairs, steps, height, width, channels] in [0, 1], decoded along the two paths; the
        second is None if the prior is not Gaussian.
      starts, ends: floats [pairs, height, width, channels] in [0, 1], the originals.
      at: words that end the title, such as ", class 3".
    """
    blank = np.ones_like(starts)[:, None]
    rows = {"linear": np.concatenate([starts[:, None], linear, ends[:, None]], axis=1)}
    if spherical is not None:
        rows["spherical"] = np.concatenate([blank, spherical, blank], axis=1)
    strips = np.stack(list(rows.values()), axis=1).astype(
        np.float32
    )  # [pairs, rows, steps + 2, height, width, channels]
    pairs, steps = linear.shape[:2]
    title = f"From one image to another through the latent space{at}{channel_note(linear)}"
    figure = new_figure(title, 0.75 + pairs * (0.06 + grid_height(strips[0], WIDTH - 0.9)))
    panels = figure.subplots(pairs, squeeze=False)[:, 0]
    for pair, axes in enumerate(panels):
        last = pair == pairs - 1
        labels = ["original", *(f"{t:.2g}" for t in np.linspace(0, 1, steps)), "original"]
        show_grid(axes, strips[pair], row_labels=list(rows), column_labels=labels if last else ())
    panels[-1].set_xlabel("position between the first code (0) and the second (1)")
    return figure


@styled
def column_interpolations(
    linear: NDArray[np.floating],
    spherical: NDArray[np.floating] | None,
    feature_names: Sequence[str],
    *,
    at: str = "",
) -> Figure:
    """For rows of numbers: each column's decoded mean along the two paths, a panel for each pair.

    Args:
      linear, spherical: floats [pairs, steps, columns], in model units (columns share an axis); the second is None
        if the prior is not Gaussian.
      feature_names: of the columns; the 8 that change most are shown.
      at: words that end the title, such as ", class 3".
    """
    chosen = most_moving(linear)
    pairs, steps = linear.shape[:2]
    position = np.linspace(0, 1, steps)
    figure = new_figure(f"From one row to another through the latent space{at}", 3.6)
    panels = figure.subplots(1, pairs, sharey=True, squeeze=False)[0]
    for pair, axes in enumerate(panels):
        for place, column in enumerate(chosen):
            colour, name = (
                COLOURS[place % len(COLOURS)],
                text(feature_names[column], LONGEST_NAME) if pair == 0 else None,
            )
            axes.plot(position, linear[pair, :, column], color=colour, label=name)
            if spherical is not None:
                axes.plot(position, spherical[pair, :, column], color=colour, linestyle="--")
        axes.set_title(f"pair {pair + 1}")
        axes.set_xlabel("position along the path")
    panels[0].plot([], [], color=INK, label="linear")
    if spherical is not None:
        panels[0].plot([], [], color=INK, linestyle="--", label="spherical")
    panels[0].set_ylabel("decoded mean (model units)")
    rest = f"columns: the {MOST_LINES} that change most" if len(chosen) < linear.shape[-1] else None
    figure.legend(loc="outside lower center", ncols=5, title=rest)
    return figure
