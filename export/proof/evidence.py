"""What files are judged on, and what the Keras model says of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tfvae import noise
from tfvae.export.functions import Functions
from tfvae.export.proof import elbo
from tfvae.models import inference
from tfvae.models.vae import VAE

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Evidence:
    """The model, and inputs for every signature.

    Attributes:
      functions: of the float32 model.
      x: `[n, *event]` float32 test examples, model units.
      prior_z: `[m, latent]` float32 draws from the prior.
      posterior_z: `[n, latent]` float32, row i drawn from q(z|x_i).
      seed: of the signatures that draw.
    """

    functions: Functions
    x: np.ndarray
    prior_z: np.ndarray
    posterior_z: np.ndarray
    seed: int

    @property
    def vae(self) -> VAE:
        """The model."""
        return self.functions.vae

    @property
    def z(self) -> np.ndarray:
        """Both kinds of latent, the prior's first."""
        return np.concatenate([self.prior_z, self.posterior_z])

    @cached_property
    def eps(self) -> np.ndarray:
        """`[n, latent]`: the noise that `score` draws itself."""
        address = noise.Address(self.seed, noise.EVALUATION)
        drawn: np.ndarray = noise.normal(address, [len(self.x), self.functions.latent_dim])[0].numpy()
        return drawn

    @cached_property
    def wanted(self) -> dict[str, Arrays]:
        """What the outputs of each signature but `sample` must be, by the Keras model's own methods."""
        predicted = self.vae.predict(self.x, seed=self.seed)
        return {
            "decode": {"mean": self.decode(self.z)},
            "encode": {name: predicted[name] for name in ("z_mean", "z_log_var")},
            "reconstruct": {"mean": predicted["reconstruction"]},
            "score_with_noise": self.scores[0],
        }

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of the signatures that draw: with a low word that is negative as int32, a high word, and the largest."""
        return self.seed, 2**31 + 5, 2**32 + 1, 2**63 - 1

    @cached_property
    def scores(self) -> list[Arrays]:
        """elbo, reconstruction and kl of x, nats `[n]`, for each seed."""
        terms = [self.vae.elbo(self.x, seed=seed)._asdict() for seed in self.seeds]
        return [{name: each[name] for name in ("elbo", "reconstruction", "kl")} for each in terms]

    @cached_property
    def spread(self) -> float:
        """What errors of means are divided by, model units."""
        return elbo.spread(self.vae, self.x, self.posterior_z)

    @cached_property
    def reconstruction(self) -> float:
        """Mean over x of log p(x|z) from Keras's means at posterior_z, nats."""
        return self.mean_reconstruction(self.wanted["decode"]["mean"][len(self.prior_z) :])

    def drawn(self, output: str, count: int) -> np.ndarray:
        """What a signature with a seed gives for its first rows: of one seed after another, `[seeds * count, …]`."""
        if output == "z":
            rows = [self.vae.prior.sample(noise.Address(seed, noise.PRIOR), count).numpy() for seed in self.seeds]
        else:
            rows = [each[output][:count] for each in self.scores]
        return np.concatenate(rows)

    def decode(self, z: np.ndarray) -> np.ndarray:
        """The mean of p(x|z), model units."""
        mean: np.ndarray = inference.batched(self.vae._function("decode"), {"z": z}, len(z), 0, 256)
        return mean

    def mean_reconstruction(self, mean: np.ndarray) -> float:
        """Mean over x of log p(x|z) from the means at posterior_z that some decoder gave, nats."""
        nats = elbo.reconstruction(self.vae, self.x, self.posterior_z, mean)
        return float(np.mean(nats, dtype=np.float64))
