"""The metrics of a run by epoch."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from tfvae.models.terms import Term, Terms, shown, value
from tfvae.plots.style import BLUE, FAINT, ORANGE, WIDTH, new_figure, styled, text

Metrics = Sequence[Mapping[str, Any]]
_SPLITS = (("train", BLUE, "-"), ("validation", ORANGE, "--"))
_ACROSS = 3
# The first epochs are cut off if they would flatten the other epochs by more than this factor.
_FLATTENED = 4.0


@styled
def curves(metrics: Metrics, terms: Terms, schedule: Collection[str] = ()) -> Figure:
    """A panel for each term shown under `curves`, and for each schedule that changes, or else for the gradient norm.

    Args:
      metrics: one mapping per epoch, the lines of metrics.jsonl: "epoch", and "train" and "validation" with figures by
        name. Missing values are left out.
      terms: of the model.
      schedule: names of its schedules, such as kl_weight.
    """
    epochs = np.array([line["epoch"] for line in metrics], np.float64)
    moving = [name for name in schedule if np.ptp(_finite(_values(metrics, "train", name, Term(name)))) > 0]
    panels = shown(terms, "curves")
    panels |= {name: Term(f"schedule of {name}", "") for name in moving} or {
        "gradient_norm": Term("gradient norm", "global norm")
    }
    count = f"{len(epochs)} epoch" + ("s" if len(epochs) != 1 else "")
    final = f"; validation at the final {', '.join(moving)}" if moving else ""
    down = -(-len(panels) // _ACROSS)
    figure = new_figure(f"Training over {count}{final}", 2.5 * down, WIDTH + 1.0)
    places = figure.subplots(down, _ACROSS, squeeze=False).ravel()
    for axes, (name, term) in zip(places, panels.items()):
        _panel(axes, epochs, metrics, name, term)
    for axes in places[len(panels) :]:
        axes.set_visible(False)
    return figure


def _panel(axes: Axes, epochs: NDArray[np.float64], metrics: Metrics, name: str, term: Term) -> None:
    drawn = []
    for split, colour, line in _SPLITS:
        y = _values(metrics, split, name, term)
        if np.isfinite(y).any():
            marker = "o" if len(epochs) < 15 else ""
            axes.plot(epochs, y, line, color=colour, marker=marker, markersize=3.5, label=split)
            drawn.append(y)
    axes.set_title(text(term.label[:1].upper() + term.label[1:]))
    axes.set_ylabel(text("nats per example" if term.unit == "nats" else _unit(term)))
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    if term.digits == 0:
        axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.set_ylim(-0.3, max((np.nanmax(y) for y in drawn), default=1.0) * 1.1 + 0.3)
    elif name == "gradient_norm" and drawn and min(np.nanmin(y) for y in drawn) > 0:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        _cut_first_epochs(axes, drawn)
    if drawn:
        axes.legend(loc="best", handlelength=2.2)
    else:
        axes.text(0.5, 0.5, "not recorded", ha="center", transform=axes.transAxes, color=FAINT)


def _unit(term: Term) -> str:
    """The unit if it is meaningful by itself, else the label and the unit, such as "active units of 2"."""
    return f"{term.label} {term.unit}".strip() if not term.unit or term.unit.startswith("of ") else term.unit


def _values(metrics: Metrics, split: str, name: str, term: Term) -> NDArray[np.float64]:
    found = [value(name, term, line.get(split) or {}) for line in metrics]
    return np.array([np.nan if number is None else number for number in found], np.float64)


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    finite = values[np.isfinite(values)]
    return finite if len(finite) else np.zeros(1)


def _cut_first_epochs(axes: Axes, drawn: list[NDArray[np.float64]]) -> None:
    """Cuts off the steep first epochs if they would flatten the rest; the axis label says so."""
    all_values = np.concatenate([y[np.isfinite(y)] for y in drawn]) if drawn else np.zeros(0)
    late = [y[len(y) // 10 :] for y in drawn]
    settled = np.concatenate([y[np.isfinite(y)] for y in late]) if late else np.zeros(0)
    if len(settled) < 20:
        return
    low, high = settled.min(), settled.max()
    margin = 0.06 * (high - low)
    if not np.ptp(all_values) > _FLATTENED * (high - low) > 0:
        return
    axes.set_ylim(low - margin, high + margin)
    axes.set_xlabel("epoch (first ones out of view)")
