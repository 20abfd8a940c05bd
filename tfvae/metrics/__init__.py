"""Metrics: functions of arrays, and a table of what each needs and means."""

from tfvae.metrics.base import Metric
from tfvae.metrics.latent import active_units, aggregate_kl

METRICS = (
    Metric(
        name="active_units",
        needs=frozenset(),
        function=active_units,
        unit="latent dimensions",
        better="higher",
        source="Burda et al., Importance weighted autoencoders, arXiv:1509.00519, section 5.2",
    ),
    Metric(
        name="aggregate_kl",
        needs=frozenset({"vector latents", "diagonal posterior", "gaussian prior"}),
        function=aggregate_kl,
        unit="nats",
        better="lower",
        source="Hoffman and Johnson, ELBO surgery, NIPS workshop 2016 (the marginal KL, here of its two first moments)",
    ),
)

__all__ = ["METRICS", "Metric", "active_units", "aggregate_kl"]
