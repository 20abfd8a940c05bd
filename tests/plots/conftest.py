"""Reads the text of drawn figures."""

from __future__ import annotations

import pytest
from matplotlib.text import Text


@pytest.fixture(scope="session")
def words():
    """Every visible text of a drawn figure, one per line."""

    def read(figure):
        figure.canvas.draw()
        return "\n".join(text.get_text() for text in figure.findobj(Text) if text.get_visible() and text.get_text())

    return read


@pytest.fixture(scope="session")
def cut_off():
    """Titles, axis labels and legend entries that reach beyond the edge of the picture."""

    def find(figure):
        figure.canvas.draw()
        width, height = figure.canvas.get_width_height()
        texts = [figure._suptitle, *(text for legend in figure.legends for text in legend.get_texts())]
        for axes in figure.axes:
            texts += [axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label]
        boxes = {text.get_text(): text.get_window_extent() for text in texts if text.get_text()}
        return [word for word, b in boxes.items() if b.x0 < -1 or b.y0 < -1 or b.x1 > width + 1 or b.y1 > height + 1]

    return find
