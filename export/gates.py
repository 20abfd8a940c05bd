"""The gates: the largest allowed errors of each kind of file, and `--gate`, which changes them by name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tfvae.config import nearest
from tfvae.errors import UserError

if TYPE_CHECKING:  # these import TensorFlow, which --help must not do
    from tfvae.export.proof import Row
    from tfvae.models.signatures import Signature


class Gate(NamedTuple):
    """A bound on an error.

    Attributes:
      most: an export with a larger error fails.
      aim: a target; the report says whether it is reached.
    """

    most: float
    aim: float | None = None


# Gates of quantized decoders.
QUANTIZED: dict[str, dict[str, Gate]] = {
    "float16": {"max": Gate(2e-3), "elbo": Gate(1e-3)},
    "dynamic": {"max": Gate(0.1, aim=0.03), "mean": Gate(0.002), "elbo": Gate(0.005)},
    "int8": {"max": Gate(0.2, aim=0.08), "mean": Gate(0.01), "elbo": Gate(0.03, aim=0.01)},
}
# Files of full precision: their gates are those of the model's signatures for this file; None: of all signatures.
_FULL: dict[str, str | None] = {
    "saved_model": None,
    "float32": "decoder",
    "generator": "generator",
    "scorer": "scorer",
}
_WORDS = {"max": "max error of the mean", "mean": "mean error of the mean", "elbo": "relative change of the ELBO"}


def of_model(signatures: Sequence[Signature]) -> dict[str, Gate]:
    """All gates of a model's files, by `KIND.ERROR`."""
    gates = {
        f"{kind}.{name}": Gate(most)
        for kind, file in _FULL.items()
        for signature in signatures
        if file is None or signature.file == file
        for name, most in signature.gates.items()
    }
    beside = {name: gate for name, gate in of("float32", gates).items() if name not in signatures[0].gates}
    for kind, of_kind in QUANTIZED.items():
        gates |= {f"{kind}.{name}": gate for name, gate in {**of_kind, **beside}.items()}
    return gates


def parse(assignments: Sequence[str]) -> dict[str, float]:
    """The bounds that are set by name.

    Args:
      assignments: each `KIND.ERROR=NUMBER`.

    Raises:
      UserError: an unknown name, or a value that is not a positive finite number.

    Example:
      >>> parse(["int8.max=0.08"])
      {'int8.max': 0.08}
    """
    known = [f"{kind}.{name}" for kind, gates in QUANTIZED.items() for name in gates]
    bounds = {}
    for assignment in assignments:
        name, _, text = assignment.partition("=")
        if name not in known and name.partition(".")[0] not in _FULL:
            raise _unknown(assignment, name, [*known, *(f"{kind}.…" for kind in _FULL)])
        try:
            most = float(text)
        except ValueError:
            most = math.nan
        if not 0 < most < math.inf:
            raise UserError(f"--gate {assignment}: got {text!r}, expected a positive finite number, as in {name}=0.01.")
        bounds[name] = most
    return bounds


def changed(gates: Mapping[str, Gate], bounds: Mapping[str, float]) -> dict[str, Gate]:
    """The gates with the bounds of `parse` applied.

    Raises:
      UserError: a gate that this model does not have.
    """
    changed = dict(gates)
    for name, most in bounds.items():
        if name not in gates:
            raise _unknown(name, name, gates)
        changed[name] = gates[name]._replace(most=most)
    return changed


def failures(rows: Sequence[Row], gates: Mapping[str, Gate]) -> list[str]:
    """A sentence for each gate that a file exceeds; NaN or a missing error counts as exceeding the gate."""
    return [
        f"{row.file}: {_WORDS.get(name, f'error of {name}')} {_found(row, name)}, gate {gate.most:g} "
        f"(--gate {row.kind}.{name}=…)."
        for row in rows
        for name, gate in of(row.kind, gates).items()
        if not row.figures.get(name, math.nan) <= gate.most
    ]


def of(kind: str, gates: Mapping[str, Gate]) -> dict[str, Gate]:
    """The gates of a kind of file, by the name of the error."""
    return {name.partition(".")[2]: gate for name, gate in gates.items() if name.partition(".")[0] == kind}


def _unknown(assignment: str, name: str, known: Iterable[str]) -> UserError:
    known = list(known)
    return UserError(f"--gate {assignment}: no such gate{nearest(name, known)}. There are: {', '.join(known)}.")


def _found(row: Row, name: str) -> str:
    if name not in row.figures:
        return "is missing, because the file has no such signature"
    if name in ("max", "mean"):
        return ", ".join(f"{getattr(error, name):.3g} on {latents} latents" for latents, error in row.error.items())
    return f"{row.figures[name]:.3g}"
