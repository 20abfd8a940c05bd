"""The inputs that files are run on, and the outputs of the Keras model for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from tfvae import noise
from tfvae.export.latents import Arrays, inputs
from tfvae.export.proof import elbo
from tfvae.models.signatures import Signature
from tfvae.models.vae import VAE

DRAWN = 256  # samples to draw from the SavedModel


@dataclass(frozen=True, eq=False)
class Evidence:
    """The model, and inputs for every signature.

    Attributes:
      vae: the float32 model.
      x: `[n, *event]` float32 test examples, model units.
      prior_z: `[m, *latent]` float32 draws from the prior.
      posterior_z: `[n, *latent]` float32, row i drawn from q(z|x_i).
      seed: of the signatures that draw.
      y: `[n, C]` float32 conditions of the examples; prior_z uses the same ones, repeated cyclically.
    """

    vae: VAE
    x: np.ndarray
    prior_z: np.ndarray
    posterior_z: np.ndarray
    seed: int
    y: np.ndarray | None = None
    _known: dict[tuple[str, int, int], Arrays] = field(default_factory=dict)

    @cached_property
    def signatures(self) -> dict[str, Signature]:
        """The model's signatures, by name."""
        return {signature.name: signature for signature in self.vae.signatures()}

    @property
    def decoder(self) -> Signature:
        """The signature that returns means for latents."""
        return next(iter(self.signatures.values()))

    @cached_property
    def z(self) -> np.ndarray:
        """Both kinds of latent, the prior's first."""
        return np.concatenate([self.prior_z, self.posterior_z])

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the signatures that draw; they cover a negative int32 low word, a high word and the largest seed."""
        return self.seed, 2**31 + 5, 2**32 + 1, 2**63 - 1

    def inputs(self, signature: Signature, with_noise: bool = False) -> Arrays:
        """The arrays that a signature is run on, by name: all its inputs except those drawn from a seed.

        Args:
          signature: of the model.
          with_noise: include the noise of the first seed.
        """
        rows = {"z": self.z, "x": self.x}
        arrays = {name: rows[name] for name in signature.inputs if name in rows}
        count = len(next(iter(arrays.values()))) if arrays else DRAWN
        if "y" in signature.inputs:
            arrays["y"] = self._conditions("z" in arrays, count)["y"]
        drawn = signature.noise
        for name in signature.inputs.keys() - arrays.keys():
            if drawn is None or with_noise:
                purpose = noise.PRIOR if drawn is None else drawn.purpose
                shape = [count, *signature.inputs[name].shape[1:]]
                arrays[name] = noise.normal(noise.Address(self.seed, purpose), shape)[0].numpy()
        return arrays

    def expected(self, signature: Signature) -> Arrays:
        """The expected outputs, from the model's own calls; for a signature that draws, with the first seed."""
        return self._reference(signature, self.seed)

    def drawn(self, signature: Signature, output: str, count: int) -> np.ndarray:
        """The first rows of a signature that draws, for one seed after another, `[seeds * count, …]`."""
        return np.concatenate([self._reference(signature, seed, count)[output][:count] for seed in self.seeds])

    def _reference(self, signature: Signature, seed: int, count: int = DRAWN) -> Arrays:
        arrays = self.inputs(signature)
        by_seed = not arrays.keys() - {"y"}  # then `count` rows; otherwise one for each example
        rows = count if by_seed else max(map(len, arrays.values()))
        known = signature.name, seed, rows
        if known not in self._known:
            arrays |= self._conditions("z" in arrays, rows)
            extra = {} if signature.noise is None else {"seed": seed, **({"count": rows} if by_seed else {})}
            outputs = signature.reference(**arrays, **extra)
            self._known[known] = {name: np.asarray(value) for name, value in outputs.items()}
        return self._known[known]

    def _conditions(self, of_latents: bool, count: int) -> Arrays:
        """The input y of the model's own calls; empty if the model has no condition."""
        if self.y is None:
            return {}
        of_prior = np.resize(self.y, (len(self.prior_z) if of_latents else count, self.y.shape[1]))
        return {"y": np.concatenate([of_prior, self.y]) if of_latents else of_prior}

    @cached_property
    def spread(self) -> float:
        """The divisor of errors of means, model units."""
        return elbo.spread(self.vae, self.x, self.posterior_z, self.y)

    @cached_property
    def size(self) -> float:
        """The divisor of errors of latents: the root mean square of the widest dimension, at least 1."""
        return max(1.0, float(np.sqrt(np.mean(np.square(self.prior_z, dtype=np.float64), axis=0)).max()))

    @cached_property
    def reconstruction(self) -> float:
        """Mean over x of log p(x|z) from Keras's means at posterior_z, nats."""
        (means,) = self.expected(self.decoder).values()
        return self.mean_reconstruction(means[len(self.prior_z) :])

    @cached_property
    def kl(self) -> float:
        """Mean KL over x, nats."""
        return float(np.mean(self.vae.elbo(self.x, seed=self.seed, y=self.y).kl, dtype=np.float64))

    def decode(self, z: np.ndarray, y: np.ndarray | None = None) -> np.ndarray:
        """The mean of p(x|z), model units."""
        (mean,) = self.decoder.reference(**inputs(z, y)).values()
        return np.asarray(mean)

    def mean_reconstruction(self, mean: np.ndarray) -> float:
        """Mean over x of log p(x|z) from a decoder's means at posterior_z, nats."""
        nats = elbo.reconstruction(self.vae, self.x, self.posterior_z, mean, self.y)
        return float(np.mean(nats, dtype=np.float64))
