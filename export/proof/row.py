"""The results of the proof for one file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


class Error(NamedTuple):
    """Error of the means for one set of latents, compared with Keras; that of the worst signature.

    Attributes:
      max: largest absolute error, divided by the range of the data or the scale of p(x|z).
      mean: mean absolute error, divided likewise.
      psnr: decibels, relative to the range of the data; infinite if no bit differs.
    """

    max: float
    mean: float
    psnr: float


@dataclass(frozen=True)
class Row:
    """One file of a version.

    Attributes:
      file: its name.
      kind: `saved_model`, `float32`, `float16`, `dynamic`, `int8`, `generator` or `scorer`.
      bytes: its size; for a folder, the size of all its files.
      error: by set of latents, `prior` and `posterior`; empty if nothing is decoded.
      elbo_change: |change| of the mean test ELBO from means, relative; None if nothing is decoded.
      others: errors of the file's other signatures, such as `encode` or `sample_z`, by the names of their gates.
      delegated: share of the operations that a delegate runs; None if unknown.
      latency_us: `p50` and `p95` of a call of the plain signature, by number of threads; empty if not measured.
    """

    file: str
    kind: str
    bytes: int
    error: Mapping[str, Error]
    elbo_change: float | None
    others: Mapping[str, float]
    delegated: float | None
    latency_us: Mapping[str, Mapping[str, float]]

    @property
    def figures(self) -> dict[str, float]:
        """The figures that have gates: `max` and `mean` of the worse set of latents, `elbo`, and the others."""
        figures = dict(self.others)
        if self.error:
            figures["max"] = worst(error.max for error in self.error.values())
            figures["mean"] = worst(error.mean for error in self.error.values())
        if self.elbo_change is not None:
            figures["elbo"] = self.elbo_change
        return figures

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON; infinity, which JSON lacks, becomes None."""
        return {
            "bytes": self.bytes,
            "error": {
                name: {key: _finite(value) for key, value in error._asdict().items()}
                for name, error in self.error.items()
            },
            "elbo_change": self.elbo_change,
            **{f"{name}_error": value for name, value in self.others.items()},
            "delegated": self.delegated,
            "latency_us": self.latency_us,
        }


def worst(values: Any) -> float:
    """The largest value; NaN counts as larger than any number."""
    return max(values, key=lambda value: (math.isnan(value), value))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
