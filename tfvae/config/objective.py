"""Section `objective`: what is minimised."""

from __future__ import annotations

from dataclasses import dataclass

from tfvae.config.options import option


@dataclass(frozen=True)
class Objective:
    """Section `objective`; `VAE` takes the same settings as keyword arguments."""

    kl_weight: float = option(1.0, "weight of the KL (beta)", minimum=0.0)
    kl_schedule: str = option(
        "constant", "warm-up of the KL weight from 0", choices=("constant", "linear", "cyclical", "sigmoid")
    )
    kl_warmup: float = option(10.0, "length of the warm-up, or of all cycles", unit="epochs", above=0.0)
    kl_cycles: int = option(4, "cyclical: number of cycles", minimum=1)
    free_bits: float = option(0.0, "KL of a dimension below this is not penalised", unit="nats", minimum=0.0)
    capacity: float | None = option(
        None, "final C(t): |KL - C| replaces KL in the loss; none: off", unit="nats", minimum=0.0
    )
    capacity_warmup: float = option(10.0, "length of the rise of C(t) from 0", unit="epochs", above=0.0)
    num_samples: int = option(1, "samples of z per example", minimum=1, maximum=65535)
    importance_weighted: bool = option(False, "train on the importance-weighted bound (IWAE) of num_samples samples")
    group: int = option(
        32,
        "batch statistics are computed over this many consecutive examples of the global batch",
        unit="examples",
        minimum=2,
    )
