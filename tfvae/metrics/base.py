"""The description of a metric."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Metric(NamedTuple):
    """A score of a trained model.

    Attributes:
      name: used in reports.
      needs: capabilities of the model and the data that it requires; see `tfvae.models.capabilities`.
      function: of arrays.
      unit: of its value.
      better: `higher`, `lower`, or empty if neither is.
      source: the publication that defines it.
    """

    name: str
    needs: frozenset[str]
    function: Callable[..., Any]
    unit: str
    better: str
    source: str
