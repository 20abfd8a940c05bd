"""What the proof finds of one file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


class Error(NamedTuple):
    """Of the means of one set of latents, against Keras; the worst signature.

    Attributes:
      max: largest absolute error, divided by the range of the data or the scale of p(x|z).
      mean: mean absolute error, divided likewise.
      psnr: decibels, of the range of the data; infinite where no bit differs.
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
      bytes: its size; of a folder, that of all its files.
      error: by set of latents, `prior` and `posterior`; empty where nothing is decoded.
      elbo_change: |change| of the mean test ELBO from means, relative; None where nothing is decoded.
      others: of the other signatures that the file has, such as `encode` or `sample_z`, by the names of their gates.
      delegated: share of the operations that a delegate runs, or None where that is not known.
      latency_us: `p50` and `p95` of a call of the plain signature, by number of threads; empty where not measured.
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
        """What gates bound: `max` and `mean` of the worse set of latents, `elbo`, and the others; NaN is worst."""
        figures = dict(self.others)
        if self.error:
            figures["max"] = worst(error.max for error in self.error.values())
            figures["mean"] = worst(error.mean for error in self.error.values())
        if self.elbo_change is not None:
            figures["elbo"] = self.elbo_change
        return figures

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON, which knows no infinity: None."""
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
    """The largest, where a NaN is larger than any number."""
    return max(values, key=lambda value: (math.isnan(value), value))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
