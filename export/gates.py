"""The gates: how large each error of each kind of file may be, and `--gate` that changes them by name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tfvae.config import nearest
from tfvae.errors import UserError

if TYPE_CHECKING:  # which imports TensorFlow; --help does not
    from tfvae.export.proof import Row


class Gate(NamedTuple):
    """A bound on an error.

    Attributes:
      most: an export with a larger error fails.
      aim: what is hoped for; the report says whether it is reached.
    """

    most: float
    aim: float | None = None


_EXACT = {"max": Gate(1e-5), "elbo": Gate(1e-4)}
_ENCODER = {"encode": Gate(1e-4), "score": Gate(1e-4)}
_SAMPLER = {"sample_z": Gate(2e-6), "sample_x": Gate(1e-5)}
_KINDS: dict[str, dict[str, Gate]] = {
    "saved_model": {**_EXACT, **_ENCODER, "reconstruct": Gate(1e-5), **_SAMPLER},
    "float32": _EXACT,
    "float16": {"max": Gate(2e-3), "elbo": Gate(1e-3)},
    "dynamic": {"max": Gate(0.1, aim=0.03), "mean": Gate(0.002), "elbo": Gate(0.005)},
    "int8": {"max": Gate(0.2, aim=0.08), "mean": Gate(0.01), "elbo": Gate(0.03, aim=0.01)},
    "generator": _SAMPLER,
    "scorer": _ENCODER,
}
GATES: dict[str, Gate] = {f"{kind}.{name}": gate for kind, gates in _KINDS.items() for name, gate in gates.items()}

_WORDS = {
    "max": "max error of the mean",
    "mean": "mean error of the mean",
    "elbo": "relative change of the ELBO",
    "encode": "error of encode",
    "reconstruct": "error of reconstruct",
    "score": "error of score",
    "sample_z": "error of sampled z",
    "sample_x": "error of sampled x",
}


def parse(assignments: Sequence[str]) -> dict[str, Gate]:
    """All gates, with those that are named changed.

    Args:
      assignments: each `NAME=NUMBER`.

    Raises:
      UserError: an unknown name, or no positive finite number.

    Example:
      >>> parse(["int8.max=0.08"])["int8.max"].most
      0.08
    """
    gates = dict(GATES)
    for assignment in assignments:
        name, _, text = assignment.partition("=")
        if name not in GATES:
            raise UserError(f"--gate {assignment}: no such gate{nearest(name, GATES)}. There are: {', '.join(GATES)}.")
        try:
            most = float(text)
        except ValueError:
            most = math.nan
        if not 0 < most < math.inf:
            raise UserError(f"--gate {assignment}: got {text!r}, want a positive finite number, as in {name}=0.01.")
        gates[name] = gates[name]._replace(most=most)
    return gates


def failures(rows: Sequence[Row], gates: Mapping[str, Gate]) -> list[str]:
    """A sentence with its figures for each gate that is missed; NaN misses all, and so does what is not there."""
    return [
        f"{row.file}: {_WORDS[name]} {_found(row, name)}, gate {gate.most:g} (--gate {row.kind}.{name}=…)."
        for row in rows
        for name, gate in of(row.kind, gates).items()
        if not row.figures.get(name, math.nan) <= gate.most
    ]


def of(kind: str, gates: Mapping[str, Gate]) -> dict[str, Gate]:
    """The gates of a kind of file, by the name of the error."""
    return {name.partition(".")[2]: gate for name, gate in gates.items() if name.partition(".")[0] == kind}


def _found(row: Row, name: str) -> str:
    if name not in row.figures:
        return "is missing, for the file has no such signature"
    if name in ("max", "mean"):
        return ", ".join(f"{getattr(error, name):.3g} on {latents} latents" for latents, error in row.error.items())
    return f"{row.figures[name]:.3g}"
