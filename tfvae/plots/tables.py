"""Rows of numbers: generated rows compared with real ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tfvae.plots.style import BLUE, LONGEST_NAME, ORANGE, new_figure, styled, text

MOST_LINES = 8
MOST_HISTOGRAMS = 16

Rows = NDArray[np.floating]


def most_moving(rows: Rows) -> list[int]:
    """The (at most 8) columns of floats [..., columns] with the widest range, in their own order."""
    flat = rows.reshape(-1, rows.shape[-1])
    return sorted(int(column) for column in np.argsort(-np.ptp(flat, axis=0), kind="stable")[:MOST_LINES])


def most_correlated(rows: Rows) -> tuple[int, int]:
    """The two columns of floats [n, columns] with the strongest correlation, which histograms cannot show."""
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.abs(np.nan_to_num(np.corrcoef(rows, rowvar=False)))
    first, second = np.unravel_index(int(np.argmax(np.triu(correlation, 1))), correlation.shape)
    return (int(first), int(second)) if first < second else (0, 1)


@styled
def real_and_generated(
    real: Rows,
    generated: Rows,
    feature_names: Sequence[str],
    seed: int,
    *,
    columns: tuple[int, int] = (0, 1),
    when: str = "",
) -> Figure:
    """Two columns against each other: real and generated rows side by side, with the same axis limits.

    Args:
      real, generated: floats [n, columns], in the user's units.
      feature_names: of the columns.
      seed: the seed that reproduces the generated rows.
      columns: the two to draw.
      when: words for the title, such as "after epoch 3".
    """
    figure = new_figure(f"Real and generated rows {when}".rstrip() + f", seed {seed}", 4.2)
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    across, upwards = columns
    for axes, rows, name, colour in zip(
        panels, (real, generated), ("real", "generated from the prior"), (BLUE, ORANGE), strict=True
    ):
        axes.plot(rows[:, across], rows[:, upwards], ".", color=colour, markersize=5, alpha=0.6, markeredgewidth=0)
        axes.set_title(f"{name} ({len(rows)} rows)")
        axes.set_xlabel(text(feature_names[across]))
    panels[0].set_ylabel(text(feature_names[upwards]))
    return figure


@styled
def histograms(real: Rows, generated: Rows, feature_names: Sequence[str], seed: int, *, when: str = "") -> Figure:
    """A histogram of each column, real and generated, over the same bins.

    Args:
      real, generated: floats [n, columns], in the user's units; the first 16 columns are drawn. The bins span the real
        values; generated values outside are counted in the first and last bin.
      feature_names: of the columns.
      seed: the seed that reproduces the generated rows.
      when: words for the title, such as "after epoch 3".
    """
    shown = min(real.shape[1], MOST_HISTOGRAMS)
    across = min(shown, 4)
    down = -(-shown // across)
    rest = f" (first {shown} of {real.shape[1]} columns)" if shown < real.shape[1] else ""
    title = f"Each column, real and generated {when}".rstrip() + f", seed {seed}{rest}"
    figure = new_figure(title, 1.0 + 1.9 * down, max(6.0, 2.2 * across))
    for column, axes in enumerate(figure.subplots(down, across, squeeze=False).ravel()):
        if column >= shown:
            axes.set_visible(False)
            continue
        low, high = float(real[:, column].min()), float(real[:, column].max())
        edges = np.linspace(low, high if high > low else low + 1.0, 25)
        for rows, name, colour, filled in ((real, "real", BLUE, True), (generated, "generated", ORANGE, False)):
            values = np.clip(rows[:, column], edges[0], edges[-1])
            share = 100.0 * np.histogram(values, edges)[0] / max(len(values), 1)
            axes.stairs(share, edges, color=colour, fill=filled, alpha=0.45 if filled else 1.0,
                        linewidth=1.6, label=name if column == 0 else None)  # fmt: skip
        axes.set_title(text(feature_names[column], LONGEST_NAME))
        if column % across == 0:
            axes.set_ylabel("rows (%)")
    figure.legend(loc="outside lower center", ncols=2)
    return figure
