"""The table that conformance tests run through: a new network, likelihood or prior is one more line here.

Of the full product, as many rows as cover every pair of network and likelihood, likelihood and prior, network and
prior, each network at an even and at an odd size; `test_table.py` holds the table to that. What takes long and joins
no two parts of a model (XLA, saving, fitting) runs through COVERING, which has each single value at least once.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import keras
import numpy as np

from tfvae import likelihoods, networks
from tfvae.config import likelihood, prior
from tfvae.config.network import Conv, Mlp, Resnet
from tfvae.data.condition import Condition
from tfvae.latent import priors
from tfvae.models import VAE

NETWORKS = {
    "mlp": Mlp(hidden=(16, 8)),
    "conv": Conv(filters=(4, 6)),
    "resnet": Resnet(variant="micro"),
}
LIKELIHOODS = {
    "bernoulli": likelihood.Bernoulli(),
    "continuous_bernoulli": likelihood.ContinuousBernoulli(),
    "gaussian": likelihood.Gaussian(scale=0.5),
    "gaussian_shared": likelihood.Gaussian(scale=0.5, scale_mode="shared"),
    "gaussian_per_pixel": likelihood.Gaussian(scale=0.5, scale_mode="per_pixel"),
    "laplace": likelihood.Laplace(scale=0.5, scale_mode="shared"),
    "mse": likelihood.Mse(),
}
MEAN = (0.5, -0.3, 0.2)
COVARIANCE = ((1.5, -0.5, 0.2), (-0.5, 1.0, 0.3), (0.2, 0.3, 0.8))
VARIANCE = (1.5, 0.6, 2.0)
PRIORS = {
    "standard": lambda size: prior.Standard(),
    "diagonal": lambda size: prior.Diagonal(mean=MEAN[:size], variance=VARIANCE[:size], trainable=True),
    "correlated": lambda size: prior.Correlated(mean=MEAN[:size], covariance=_leading(size)),
    "trained": lambda size: prior.Correlated(mean=MEAN[:size], covariance=_leading(size), trainable=True),
}
SHAPES = {"8x8x1": ((8, 8, 1), 2), "9x11x3": ((9, 11, 3), 3)}
GRID = (3, 3)  # the smallest grid of conv and resnet above, for 9x11 images
CONDITION = Condition("label", ("a", "b", "c"), (0.2, 0.3, 0.5))


class Row(NamedTuple):
    """One model: names in the tables above, and its form: "vector", or what of "conditional" and "spatial" it is."""

    network: str
    likelihood: str
    prior: str
    size: str
    form: str = "vector"

    @property
    def shape(self) -> tuple[int, ...]:
        return SHAPES[self.size][0]

    @property
    def latent_dim(self) -> int:
        return SHAPES[self.size][1]

    def build(self) -> VAE:
        """The model, under the policy that is set, with the same weights every time."""
        keras.utils.set_random_seed(0)
        observed = likelihoods.from_settings(LIKELIHOODS[self.likelihood])
        latent = (*GRID, self.latent_dim) if "spatial" in self.form else (self.latent_dim,)
        shaped = {"latent_shape": latent} if "spatial" in self.form else {"latent_dim": self.latent_dim}
        condition = CONDITION if "conditional" in self.form else None
        size = condition.size if condition else None
        settings = dataclasses.replace(NETWORKS[self.network], **shaped)
        encoder, decoder = networks.build(settings, self.shape, observed.parameters, condition=size)
        chosen = prior.Conditional() if self.prior == "conditional" else PRIORS[self.prior](self.latent_dim)
        return VAE(encoder, decoder, priors.from_settings(chosen, latent, size), observed, condition=condition)

    def y(self, count: int) -> np.ndarray | None:
        """Labels of as many examples; None for a model without condition."""
        return np.arange(count) % CONDITION.size if "conditional" in self.form else None

    def examples(self, count: int) -> np.ndarray:
        """Two faint patterns in noise, in [0, 1]: something to learn, for every likelihood."""
        rng = np.random.default_rng(0)
        patterns = rng.uniform(0.1, 0.9, (2, *self.shape))
        return np.clip(patterns[rng.integers(0, 2, count)] + rng.normal(0, 0.05, (count, *self.shape)), 0, 1)


def _leading(size: int) -> prior.Matrix:
    return tuple(row[:size] for row in COVARIANCE[:size])


def _rows() -> list[Row]:
    rows = []
    for i, observed in enumerate(LIKELIHOODS):
        for j in range(max(len(NETWORKS), len(PRIORS))):
            network, p_z = list(NETWORKS)[j % len(NETWORKS)], list(PRIORS)[(i + j) % len(PRIORS)]
            rows.append(Row(network, observed, p_z, list(SHAPES)[i % len(SHAPES)]))
    return rows


def _covering(rows: list[Row]) -> list[Row]:
    """Each row, in order, that has a value which no row before it has."""
    seen: set[str] = set()
    chosen = []
    for row in rows:
        if not seen.issuperset(row):
            chosen.append(row)
        seen.update(row)
    return chosen


VECTORS = _rows()
ROWS = [
    *VECTORS,
    Row("mlp", "bernoulli", "standard", "8x8x1", "conditional"),
    Row("mlp", "gaussian_shared", "conditional", "8x8x1", "conditional"),
    Row("conv", "gaussian", "trained", "9x11x3", "spatial"),
    Row("resnet", "laplace", "correlated", "9x11x3", "spatial"),
    Row("conv", "continuous_bernoulli", "conditional", "9x11x3", "conditional spatial"),
]
COVERING = _covering(ROWS)
