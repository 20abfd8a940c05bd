"""The problem for all competitors: the same networks on the same examples, batch by batch."""

from __future__ import annotations

from dataclasses import dataclass

BATCH = 128
LEARNING_RATE = 1e-3
SIDE = 28
PIXELS = SIDE * SIDE


@dataclass(frozen=True)
class Problem:
    """A VAE of MNIST with Bernoulli pixels, unchanged grey levels, and a standard normal prior.

    Attributes:
      title: of its section.
      family: `mlp` or `conv`, the names of tfvae's networks.
      widths: of the encoder's hidden layers, or channels of its levels; the decoder mirrors them.
      latent: D.
      steps: in a round, which is an epoch: the data are the first `steps * BATCH` examples of the training split.
    """

    title: str
    family: str
    widths: tuple[int, ...]
    latent: int
    steps: int


PROBLEMS = {
    "mlp": Problem("MLP 784-400-20", "mlp", (400,), 20, 468),
    "conv": Problem("Convolutional 32-64, D = 16", "conv", (32, 64), 16, 48),
}
