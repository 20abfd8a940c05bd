"""Compares the outputs of a file with those of the Keras model."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tfvae.errors import UserError
from tfvae.export.proof import elbo
from tfvae.export.proof.evidence import Evidence
from tfvae.export.proof.row import Error, worst
from tfvae.export.tflite import WITH_NOISE
from tfvae.export.warmup import DEFAULT
from tfvae.models.signatures import Signature, Unit


class _Key(NamedTuple):
    """An output of a file: `session:score_with_noise_32/kl`."""

    signature: Signature
    output: str
    with_noise: bool


def means(found: Mapping[str, np.ndarray], evidence: Evidence) -> dict[str, Error]:
    """Errors of the decoder on prior and posterior latents; for several signatures, the worst of each figure."""
    (expected,), split = evidence.expected(evidence.decoder).values(), len(evidence.prior_z)
    sets = {"prior": slice(split), "posterior": slice(split, None)}
    decoded = [array for key, array in found.items() if _key(key, evidence).signature is evidence.decoder]
    errors = {name: [_error(array[rows], expected[rows], evidence) for array in decoded] for name, rows in sets.items()}
    return {
        name: Error(
            worst(error.max for error in set_errors),
            worst(error.mean for error in set_errors),
            -worst(-e.psnr for e in set_errors),
        )
        for name, set_errors in errors.items()
        if set_errors
    }


def elbo_change(found: Mapping[str, np.ndarray], evidence: Evidence) -> float | None:
    """|change| of the mean test ELBO from means, relative to it; the KL is that of the Keras encoder."""
    changes = [
        abs(evidence.mean_reconstruction(found[key][len(evidence.prior_z) :]) - evidence.reconstruction)
        for key in found
        if key.startswith(evidence.decoder.name)
    ]
    if not changes:
        return None
    reference = evidence.reconstruction - evidence.kl
    return worst(changes) / max(abs(reference), elbo.floor(evidence.vae.likelihood, evidence.x[0].size))


def others(found: Mapping[str, np.ndarray], evidence: Evidence) -> dict[str, float]:
    """The worst errors of the signatures other than the decoder, by the names of their gates."""
    errors: dict[str, float] = {}
    for key, got in found.items():
        signature, output, with_noise = _key(key, evidence)
        if signature is evidence.decoder:
            continue
        name = f"{signature.name}_{output}"
        name = name if name in signature.gates else signature.name
        if signature.outputs[output] is Unit.USER:
            error = _units(got, _means_of(key, found, signature, evidence), evidence)
        else:
            if signature.noise is None or with_noise:
                expected = evidence.expected(signature)[output]
            else:
                expected = evidence.drawn(signature, output, len(got) // len(evidence.seeds))
            error = _largest(_difference(got, expected) / _size(signature.outputs[output], expected, evidence))
        errors[name] = worst([errors.get(name, 0.0), error])
    return errors


def _key(key: str, evidence: Evidence) -> _Key:
    path, _, output = key.removeprefix("session:").rpartition("/")
    if path == DEFAULT:
        return _Key(evidence.decoder, output, False)
    name = re.sub(r"_\d+$", "", path)
    return _Key(evidence.signatures[name.removesuffix(WITH_NOISE)], output, name.endswith(WITH_NOISE))


def _means_of(key: str, found: Mapping[str, np.ndarray], signature: Signature, evidence: Evidence) -> np.ndarray:
    """The model's means at the latents that the file returns together with its output in the user's units."""
    place = key.rpartition("/")[0]
    (name,) = (name for name, unit in signature.outputs.items() if unit is Unit.LATENT)
    z = found[f"{place}/{name}"]
    y = None
    if evidence.y is not None:
        count = len(z) // len(evidence.seeds)
        y = np.concatenate([np.resize(evidence.y, (count, evidence.y.shape[1]))] * len(evidence.seeds))
    return evidence.decode(z, y)


def _error(got: np.ndarray, expected: np.ndarray, evidence: Evidence) -> Error:
    off = _difference(got, expected)
    likelihood = evidence.vae.likelihood
    low, high = likelihood.support or (evidence.x.min(), evidence.x.max())
    with np.errstate(divide="ignore"):
        psnr = 20 * np.log10(float(high - low)) - 10 * np.log10(np.mean(np.square(off)))
    return Error(_largest(off) / evidence.spread, float(np.mean(off)) / evidence.spread, float(psnr))


def _size(unit: Unit, expected: np.ndarray, evidence: Evidence) -> np.ndarray | float:
    """The divisor of an error."""
    if unit is Unit.MODEL:
        return evidence.spread
    if unit is Unit.LATENT:
        return evidence.size
    least = elbo.floor(evidence.vae.likelihood, evidence.x[0].size) if unit is Unit.DENSITY else 1.0
    return np.maximum(np.abs(expected), least)


def _units(got: np.ndarray, mean: np.ndarray, evidence: Evidence) -> float:
    """Error of x in the user's units, relative to the spread, minus rounding: half a level, or twice float32's."""
    scaling = evidence.vae.scaling
    expected = dataclasses.replace(scaling, integer=False).inverse(mean.astype(np.float64))
    if scaling.integer:
        expected = np.clip(expected, 0, scaling.largest)
        rounding = 0.5
    else:
        rounding = 2 * np.spacing((np.abs(mean * scaling.factor) + np.abs(scaling.offset)).astype(np.float32))
    beyond = np.maximum(_difference(got, expected) - rounding, 0.0)
    return _largest(beyond / scaling.factor) / evidence.spread


def _difference(got: np.ndarray, expected: np.ndarray) -> np.ndarray:
    if got.shape != expected.shape:
        raise UserError(f"proof: got an output of shape {list(got.shape)}, expected {list(expected.shape)}.")
    return np.abs(got.astype(np.float64) - expected)


def _largest(values: np.ndarray) -> float:
    return float(np.max(values))
