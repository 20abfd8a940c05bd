"""Stateless noise: every random number has an address. docs/noise.md is the specification."""

from tfvae.noise.address import Address, key_and_counter
from tfvae.noise.philox import box_muller, normal, uniform, unit_interval, words
from tfvae.noise.purposes import (
    BINARISATION,
    EVALUATION,
    LABELS,
    LAST_STEP,
    LIKELIHOOD,
    NOISE_VERSION,
    ORDER,
    PRIOR,
    SYNTHETIC,
    TRAINING,
    at_level,
)

__all__ = [
    "BINARISATION",
    "EVALUATION",
    "LABELS",
    "LAST_STEP",
    "LIKELIHOOD",
    "NOISE_VERSION",
    "ORDER",
    "PRIOR",
    "SYNTHETIC",
    "TRAINING",
    "Address",
    "at_level",
    "box_muller",
    "key_and_counter",
    "normal",
    "uniform",
    "unit_interval",
    "words",
]
