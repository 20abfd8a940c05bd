"""Which latent dimensions carry information."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tfvae.plots.style import BLUE, FAINT, INK, ORANGE, RED, WIDTH, new_figure, styled

MOST_NAMED = 40


@styled
def kl_per_dimension(
    kl: NDArray[np.floating], threshold: float = 0.01, *, examples: str = "test examples", unit: str = "dimension"
) -> Figure:
    """Bars of the KL of each dimension, largest first, with the threshold above which a dimension counts as used.

    Args:
      kl: floats [latent], nats, averaged over examples. With a correlated prior some may be negative.
      threshold: nats.
      examples: the examples averaged over, for the axis.
      unit: of a bar: a dimension, or a channel of spatial latents.
    """
    order = np.argsort(-kl, kind="stable")
    above = kl[order] > threshold
    title = f"KL by latent {unit}: {above.sum()} of {len(kl)} above {threshold:g} nats, {kl.sum():.4g} nats in total"
    figure = new_figure(title, 3.6, _width(len(kl)))
    axes = figure.add_subplot()
    places, wide = np.arange(len(kl)), 1.0 if len(kl) > MOST_NAMED else 0.8
    axes.bar(places[above], kl[order][above], wide, color=BLUE, label=f"above ({above.sum()})")
    if not above.all():
        axes.bar(places[~above], kl[order][~above], wide, color=FAINT, label=f"below ({(~above).sum()})")
    axes.axhline(threshold, color=RED, linewidth=1.0, linestyle="--", label=f"threshold, {threshold:g} nats")
    axes.axhline(0.0, color=INK, linewidth=0.8)
    every = -(-len(kl) // MOST_NAMED)
    axes.set_xticks(places[::every], [str(i) for i in order[::every]])
    axes.set_xlim(-0.7, len(kl) - 0.3)
    axes.margins(y=0.12)
    axes.grid(axis="x", visible=False)
    axes.set_xlabel(f"latent {unit}, by its KL over {examples}" + (f" (every {every}th named)" if every > 1 else ""))
    axes.set_ylabel("KL (nats per example)")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


@styled
def variance_per_dimension(
    mean_variance: NDArray[np.floating],
    posterior_variance: NDArray[np.floating],
    prior_variance: NDArray[np.floating] | None,
    *,
    examples: str = "test examples",
) -> Figure:
    """The variance of each dimension over the test set, in its two parts, with the variance of the prior.

    Var z = Var(z_mean) + E exp(z_log_var), over examples: the law of total variance. If the first part is near zero,
    the dimension carries no information about x; if the sum is far from the prior's variance, samples of the prior do
    not match the codes.

    Args:
      mean_variance: floats [latent], variance of z_mean over examples.
      posterior_variance: floats [latent], mean of exp(z_log_var) over examples.
      prior_variance: floats [latent], diagonal of the prior's covariance; None: not drawn.
      examples: the examples averaged over, for the title.
    """
    places = np.arange(len(mean_variance))
    figure = new_figure(f"Variance of each latent dimension over {examples}", 3.8, _width(len(places)))
    axes = figure.add_subplot()
    axes.bar(places, mean_variance, 0.6, color=BLUE, label="between examples, Var z_mean")
    axes.bar(
        places, posterior_variance, 0.6, bottom=mean_variance, color=ORANGE, label="within an example, E exp(z_log_var)"
    )
    if prior_variance is not None:
        axes.hlines(prior_variance, places - 0.42, places + 0.42, color=INK, linewidth=1.6, label="prior")
    axes.margins(y=0.15)
    axes.grid(axis="x", visible=False)
    every = -(-len(places) // MOST_NAMED)
    names = [f"$z_{{{i}}}$" for i in places[::every]]
    if len(places) <= 8:
        parts = zip(names, mean_variance, posterior_variance, strict=True)
        names = [f"{name}\n{between:.2f} + {within:.2f}" for name, between, within in parts]
    axes.set_xticks(places[::every], names)
    axes.set_ylabel("variance (latent units²)")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def _width(bars: int) -> float:
    return float(np.clip(2.0 + 0.3 * bars, 6.5, WIDTH + 2.0))
