"""The style of all pictures: sizes, colours and fonts; and saving them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

import matplotlib
import numpy as np
from cycler import cycler
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tfvae.files import write

P = ParamSpec("P")
R = TypeVar("R")

WIDTH = 8.0  # inches, of a full-width picture
DPI = 120
PAIRS = ((0, 1), (0, 2), (1, 2))  # of three latent dimensions

# Ten colours that stay apart under the common kinds of colour blindness: Petroff, Accessible color sequences for data
# visualization, 2021 (arXiv:2107.02270), table 1; the same as matplotlib's "petroff10".
COLOURS = (
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
)  # fmt: skip
BLUE, ORANGE, RED, GREY, PURPLE = COLOURS[:5]
INK, FAINT = "#333333", "#aaaaaa"
# Beyond ten classes the colours repeat with the next marker.
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "*")
DIVERGING = "RdBu_r"
LONGEST_NAME = 22

FONT, MISSING = "DejaVu Sans", "\N{WHITE SQUARE}"
# Fonts with the letters that matplotlib's own lacks; those that are installed are used.
_FALLBACKS = (
    "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans JP", "Noto Sans SC", "Noto Sans KR", "Source Han Sans",
    "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "IPAGothic", "Droid Sans Fallback", "NanumGothic", "Noto Sans Arabic",
    "Noto Sans Devanagari", "Noto Sans Thai", "Noto Emoji", "Unifont",
)  # fmt: skip
_HOUSE = {
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 9.0,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=COLOURS),
    "grid.color": "#e3e3e3",
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "legend.fontsize": 8.0,
    "legend.frameon": False,
    "figure.titlesize": 11.0,
    "lines.linewidth": 1.6,
    "savefig.facecolor": "white",
}


def styled(function: Callable[P, R]) -> Callable[P, R]:
    """Runs a drawing function with the style of tfvae, and leaves matplotlib's own settings unchanged."""

    @functools.wraps(function)
    def draw(*args: P.args, **kwargs: P.kwargs) -> R:
        with matplotlib.rc_context(_house()):
            return function(*args, **kwargs)

    return draw


def new_figure(title: str, height: float, width: float = WIDTH) -> Figure:
    """An empty figure, sizes in inches; without pyplot, so there is no window and no global state."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    figure.suptitle(title, x=0.012, ha="left", weight="bold")
    return figure


def save(figure: Figure, path: Path) -> Path:
    """Writes a PNG atomically, so that nobody reads a partial picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context(_house()):
        write(path, lambda temporary: figure.savefig(temporary, format="png", dpi=DPI))
    return path


def class_style(index: int) -> tuple[str, str]:
    """Colour and marker of class number `index`."""
    return COLOURS[index % len(COLOURS)], MARKERS[index // len(COLOURS) % len(MARKERS)]


def class_names(y: NDArray[np.integer], label_names: tuple[str, ...] | None) -> list[tuple[int, str]]:
    """The classes that occur in y, in order, each with the name to show."""
    return [(int(c), class_name(int(c), label_names or (), LONGEST_NAME)) for c in np.unique(y)]


def class_name(label: int, names: Sequence[str], most: int) -> str:
    """A class for display, cut to `most` letters: its name, else its number; -1 is unlabelled."""
    return text(names[label] if 0 <= label < len(names) else "unlabelled" if label == -1 else label, most)


def text(value: object, most: int | None = None) -> str:
    """The user's text made safe for matplotlib, which reads dollar signs as maths and hides labels that begin with "_".

    Letters that no installed font has become white squares.

    Args:
      value: the text to show.
      most: the maximum number of letters; longer text is cut.
    """
    letters = _letters()
    shown = "".join(letter if letter in letters else MISSING for letter in str(value))
    if most is not None and len(shown) > most:
        shown = shown[: most - 1] + "…"
    return (" " + shown if shown.startswith("_") else shown).replace("$", r"\$")


@functools.cache
def _fonts() -> tuple[str, ...]:
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return (FONT, *(name for name in _FALLBACKS if name in installed))


@functools.cache
def _letters() -> frozenset[str]:
    """The letters that the fonts of our pictures have."""
    files = (font_manager.findfont(font_manager.FontProperties(family=[name])) for name in _fonts())
    return frozenset(chr(code) for file in files for code in font_manager.get_font(file).get_charmap())


def _house() -> dict[str, object]:
    return {**_HOUSE, "font.family": list(_fonts())}


def number(value: float, form: str = ".2f") -> str:
    """The number in the given form, with the minus sign that matplotlib's own axes use."""
    return format(value, form).replace("-", "\N{MINUS SIGN}")


def axis_name(dimension: int) -> str:
    """The label of an axis along one latent dimension, counted from 0."""
    return f"$z_{{{dimension}}}$ (latent units)"
