"""The table that conformance tests run through: a new network, likelihood or prior is one more line here.

Of the full product, as many rows as cover every pair of network and likelihood, likelihood and prior, network and
prior, each network at an even and at an odd size; `test_table.py` holds the table to that. What takes long and joins
no two parts of a model (XLA, saving, fitting) runs through COVERING, which has each single value at least once.
"""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np

from tfvae import config, likelihoods, networks
from tfvae.latent import priors
from tfvae.models import VAE

NETWORKS = {
    "mlp": config.Network(name="mlp", hidden=(16, 8)),
    "conv": config.Network(name="conv", filters=(4, 6)),
    "resnet": config.Network(name="resnet", variant="micro"),
}
LIKELIHOODS = {
    "bernoulli": config.Likelihood("bernoulli"),
    "continuous_bernoulli": config.Likelihood("continuous_bernoulli"),
    "gaussian": config.Likelihood("gaussian", scale=0.5),
    "gaussian_shared": config.Likelihood("gaussian", scale=0.5, scale_mode="shared"),
    "gaussian_per_pixel": config.Likelihood("gaussian", scale=0.5, scale_mode="per_pixel"),
    "laplace": config.Likelihood("laplace", scale=0.5, scale_mode="shared"),
    "mse": config.Likelihood("mse"),
}
MEAN = (0.5, -0.3, 0.2)
COVARIANCE = ((1.5, -0.5, 0.2), (-0.5, 1.0, 0.3), (0.2, 0.3, 0.8))
VARIANCE = (1.5, 0.6, 2.0)
PRIORS = {
    "standard": lambda size: config.Prior(),
    "diagonal": lambda size: config.Prior("diagonal", MEAN[:size], VARIANCE[:size], trainable=True),
    "correlated": lambda size: config.Prior("correlated", MEAN[:size], covariance=_leading(size)),
    "trained": lambda size: config.Prior("correlated", MEAN[:size], covariance=_leading(size), trainable=True),
}
SHAPES = {"8x8x1": ((8, 8, 1), 2), "9x11x3": ((9, 11, 3), 3)}


class Row(NamedTuple):
    """One model: names in the tables above."""

    network: str
    likelihood: str
    prior: str
    size: str

    @property
    def shape(self) -> tuple[int, ...]:
        return SHAPES[self.size][0]

    @property
    def latent_dim(self) -> int:
        return SHAPES[self.size][1]

    def build(self) -> VAE:
        """The model, under the policy that is set, with the same weights every time."""
        keras.utils.set_random_seed(0)
        likelihood = likelihoods.from_settings(LIKELIHOODS[self.likelihood])
        settings = config.from_dict(
            config.Network, {**config.to_dict(NETWORKS[self.network]), "latent_dim": self.latent_dim}
        )
        encoder, decoder = networks.build(settings, self.shape, likelihood.parameters)
        prior = priors.from_settings(PRIORS[self.prior](self.latent_dim), self.latent_dim)
        return VAE(encoder, decoder, prior, likelihood)

    def examples(self, count: int) -> np.ndarray:
        """Two faint patterns in noise, in [0, 1]: something to learn, for every likelihood."""
        rng = np.random.default_rng(0)
        patterns = rng.uniform(0.1, 0.9, (2, *self.shape))
        return np.clip(patterns[rng.integers(0, 2, count)] + rng.normal(0, 0.05, (count, *self.shape)), 0, 1)


def _leading(size: int) -> config.Matrix:
    return tuple(row[:size] for row in COVARIANCE[:size])


def _rows() -> list[Row]:
    rows = []
    for i, likelihood in enumerate(LIKELIHOODS):
        for j in range(max(len(NETWORKS), len(PRIORS))):
            network, prior = list(NETWORKS)[j % len(NETWORKS)], list(PRIORS)[(i + j) % len(PRIORS)]
            rows.append(Row(network, likelihood, prior, list(SHAPES)[i % len(SHAPES)]))
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


ROWS = _rows()
COVERING = _covering(ROWS)
