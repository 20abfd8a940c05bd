"""What a metric states about itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Metric(NamedTuple):
    """A score of a trained model.

    Attributes:
      name: as reports call it.
      needs: capabilities of the model and the data without which it is left out; see `tfvae.models.capabilities`.
      function: of arrays.
      unit: of its value.
      better: `higher`, `lower`, or empty where neither is.
      source: where it is defined.
    """

    name: str
    needs: frozenset[str]
    function: Callable[..., Any]
    unit: str
    better: str
    source: str
