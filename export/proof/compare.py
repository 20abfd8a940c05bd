"""What a file gave, against what the Keras model gives."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from tfvae.errors import UserError
from tfvae.export.proof import elbo
from tfvae.export.proof.evidence import Evidence
from tfvae.export.proof.row import Error, worst


def means(found: Mapping[str, np.ndarray], evidence: Evidence) -> dict[str, Error]:
    """Errors of `decode` on prior and posterior latents; of several signatures, the worst of each figure."""
    wanted, split = evidence.wanted["decode"]["mean"], len(evidence.prior_z)
    sets = {"prior": slice(split), "posterior": slice(split, None)}
    errors = {
        name: [_error(found[key][rows], wanted[rows], evidence) for key in found if _base(key) == "decode"]
        for name, rows in sets.items()
    }
    return {
        name: Error(
            worst(error.max for error in each), worst(error.mean for error in each), -worst(-e.psnr for e in each)
        )
        for name, each in errors.items()
        if each
    }


def elbo_change(found: Mapping[str, np.ndarray], evidence: Evidence) -> float | None:
    """|change| of the mean test ELBO from means, over its size; the KL is the encoder's, and the same on both sides."""
    changes = [
        abs(evidence.mean_reconstruction(found[key][len(evidence.prior_z) :]) - evidence.reconstruction)
        for key in found
        if key.startswith("decode")
    ]
    if not changes:
        return None
    kept = evidence.reconstruction - float(np.mean(evidence.scores[0]["kl"]))
    return worst(changes) / max(abs(kept), elbo.floor(evidence.vae.likelihood, evidence.x[0].size))


def others(found: Mapping[str, np.ndarray], evidence: Evidence) -> dict[str, float]:
    """The worst relative errors of what else a file has: `encode`, `reconstruct`, `score`, `sample_z`, `sample_x`."""
    errors: dict[str, float] = {}
    for key in found:
        base, output, got = _base(key), key.rpartition("/")[2], found[key]
        if base == "decode":
            continue
        name = {"sample": f"sample_{output}", "score_with_noise": "score"}.get(base, base)
        if name == "sample_x":
            z = found[key.replace("/x", "/z")]
            error = _units(got, evidence.decode(z), evidence)
        else:
            drawn = base in ("sample", "score")
            wanted = evidence.drawn(output, len(got) // len(evidence.seeds)) if drawn else evidence.wanted[base][output]
            error = _largest(_difference(got, wanted) / _size(name, output, wanted, evidence))
        errors[name] = worst([errors.get(name, 0.0), error])
    return errors


def _base(key: str) -> str:
    """`session:decode_32/mean` is of `decode`, and so is `serving_default`."""
    base = re.sub(r"^session:|(_\d+)?/\w+$", "", key)
    return "decode" if base == "serving_default" else base


def _error(got: np.ndarray, wanted: np.ndarray, evidence: Evidence) -> Error:
    off = _difference(got, wanted)
    likelihood = evidence.vae.likelihood
    low, high = likelihood.support or (evidence.x.min(), evidence.x.max())
    with np.errstate(divide="ignore"):
        psnr = 20 * np.log10(float(high - low)) - 10 * np.log10(np.mean(np.square(off)))
    return Error(_largest(off) / evidence.spread, float(np.mean(off)) / evidence.spread, float(psnr))


def _size(name: str, output: str, wanted: np.ndarray, evidence: Evidence) -> np.ndarray | float:
    """What an error is divided by."""
    if name == "reconstruct":
        return evidence.spread
    if name == "sample_z":
        # Of the prior's own size, for the noise is scaled by it.
        functions = evidence.functions
        return max(1.0, float(np.abs(functions.mean).max()), float(np.linalg.norm(functions.scale_tril, axis=1).max()))
    least = 1.0
    if output in ("elbo", "reconstruction"):
        least = elbo.floor(evidence.vae.likelihood, evidence.x[0].size)
    return np.maximum(np.abs(wanted), least)


def _units(got: np.ndarray, mean: np.ndarray, evidence: Evidence) -> float:
    """Error of x in the user's units, over the spread, beyond what rounding takes: half a level, or float32's twice."""
    scaling = evidence.vae.scaling
    wanted = mean.astype(np.float64) * scaling.factor + scaling.offset
    if scaling.integer:
        wanted = np.clip(wanted, 0, scaling.factor if scaling.kind == "unit" else 255)
        rounding = 0.5
    else:
        rounding = 2 * np.spacing((np.abs(mean * scaling.factor) + np.abs(scaling.offset)).astype(np.float32))
    beyond = np.maximum(_difference(got, wanted) - rounding, 0.0)
    return _largest(beyond / scaling.factor) / evidence.spread


def _difference(got: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    if got.shape != wanted.shape:
        raise UserError(f"proof: a file gives an output of shape {list(got.shape)}, want {list(wanted.shape)}.")
    return np.abs(got.astype(np.float64) - wanted)


def _largest(values: np.ndarray) -> float:
    return float(np.max(values))
