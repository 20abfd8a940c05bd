"""Metrics: functions of arrays."""

from tfvae.metrics.latent import active_units, aggregate_kl

__all__ = ["active_units", "aggregate_kl"]
