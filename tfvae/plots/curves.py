"""How the numbers of a run went, epoch by epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from tfvae.plots.style import BLUE, FAINT, ORANGE, WIDTH, new_figure, styled

Metrics = Sequence[Mapping[str, Any]]
_SPLITS = (("train", BLUE, "-"), ("validation", ORANGE, "--"))
# A view is cut where the first epochs would press all others into a line this many times flatter.
_FLATTENED = 4.0


@styled
def curves(metrics: Metrics) -> Figure:
    """Loss, its parts, their ratio, active units, and gradient norm (or kl_weight, where it moves).

    Args:
      metrics: one mapping an epoch, the lines of metrics.jsonl: "epoch", and "train" and "validation" with "loss",
        "reconstruction" (E log p(x|z)), "kl", "active_units", "gradient_norm", "kl_weight". What is missing is left
        out.
    """
    epochs = np.array([line["epoch"] for line in metrics], np.float64)
    weights = _values(metrics, "train", _key("kl_weight"))
    moving = bool(np.nanmax(weights, initial=-np.inf) > np.nanmin(weights, initial=np.inf))
    panels: list[tuple[str, str, Callable[[Mapping[str, Any]], float]]] = [
        ("Loss, validation at the full β" if moving else "Loss", "nats per example", _key("loss")),
        ("Reconstruction error, $-$E log p(x|z)", "nats per example", lambda part: -part["reconstruction"]),
        ("KL(q(z|x) ‖ p(z))", "nats per example", _key("kl")),
        ("KL / reconstruction", "|KL| / |E log p(x|z)|", _ratio),
        ("Active units", "latent dimensions", _key("active_units")),
        ("KL weight", "β", _key("kl_weight")) if moving else ("Gradient norm", "global norm", _key("gradient_norm")),
    ]
    count = f"{len(epochs)} epoch" + ("s" if len(epochs) != 1 else "")
    figure = new_figure(f"Training over {count}", 5.0, WIDTH + 1.0)
    for axes, (title, unit, value) in zip(figure.subplots(2, 3).ravel(), panels, strict=True):
        drawn = {}
        for split, colour, line in _SPLITS:
            y = _values(metrics, split, value)
            if np.isfinite(y).any():
                marker = "o" if len(epochs) < 15 else ""
                axes.plot(epochs, y, line, color=colour, marker=marker, markersize=3.5, label=split)
                drawn[split] = y
        axes.set_title(title)
        axes.set_ylabel(unit)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        if title == "Active units":
            axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
            axes.set_ylim(-0.3, max((np.nanmax(y) for y in drawn.values()), default=1.0) * 1.1 + 0.3)
        elif title == "Gradient norm" and drawn and min(np.nanmin(y) for y in drawn.values()) > 0:
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.yaxis.set_minor_locator(NullLocator())
        else:
            _cut_first_epochs(axes, list(drawn.values()))
        if drawn:
            axes.legend(loc="best", handlelength=2.2)
        else:
            axes.text(0.5, 0.5, "not recorded", ha="center", transform=axes.transAxes, color=FAINT)
    return figure


def _key(name: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda part: part[name]


def _ratio(part: Mapping[str, Any]) -> float:
    reconstruction = abs(part["reconstruction"])
    return abs(part["kl"]) / reconstruction if reconstruction else np.nan


def _values(metrics: Metrics, split: str, value: Callable[[Mapping[str, Any]], float]) -> NDArray[np.float64]:
    def one(line: Mapping[str, Any]) -> float:
        try:
            number = value(line[split])
        except (KeyError, TypeError):
            return np.nan
        return np.nan if number is None else float(number)

    return np.array([one(line) for line in metrics], np.float64)


def _cut_first_epochs(axes: Axes, drawn: list[NDArray[np.float64]]) -> None:
    """Keeps the early plunge from flattening the rest; what is out of view is said."""
    every = np.concatenate([y[np.isfinite(y)] for y in drawn]) if drawn else np.zeros(0)
    late = [y[len(y) // 10 :] for y in drawn]
    settled = np.concatenate([y[np.isfinite(y)] for y in late]) if late else np.zeros(0)
    if len(settled) < 20:
        return
    low, high = settled.min(), settled.max()
    margin = 0.06 * (high - low)
    if not np.ptp(every) > _FLATTENED * (high - low) > 0:
        return
    axes.set_ylim(low - margin, high + margin)
    axes.set_xlabel("epoch (first ones out of view)")
