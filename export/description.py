"""The description of an export: `decoder.json`, and the metadata inside each TFLite file."""

from __future__ import annotations

import hashlib
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from tfvae import __version__
from tfvae.data.scaling import Scaling
from tfvae.export.subject import Subject
from tfvae.models.signatures import Unit
from tfvae.models.vae import VAE
from tfvae.noise import NOISE_VERSION

FORMAT = 1
_PACKAGES = ("tensorflow", "keras", "ai-edge-litert", "litert-quantizer")


def of(subject: Subject) -> dict[str, Any]:
    """The description of every file of an export, ready for JSON; of a run, only the name depends on its place."""
    vae, origin = subject.vae, subject.origin
    return {
        "format": FORMAT,
        "name": origin.name,
        "noise_version": NOISE_VERSION,
        "latent_dim": vae.latent_dim,
        "latent_shape": list(vae.latent_shape),
        "event_shape": list(vae.event_shape),
        "condition": _condition(vae),
        "prior": _prior(vae),
        "likelihood": {"name": type(vae.likelihood).__name__, **_scale(vae.likelihood)},
        "network": origin.network,
        "units": _units(vae),
        "scaling": vae.scaling.to_dict(),
        "binarize": origin.binarize,
        "versions": {"tfvae": __version__, **{name: _version(name) for name in _PACKAGES}},
    }


def _condition(vae: VAE) -> dict[str, Any] | None:
    return None if vae.condition is None else {"kind": vae.condition.kind, "names": list(vae.condition.names)}


def _prior(vae: VAE) -> dict[str, Any] | None:
    """How a runner draws z: from the parameters of a Gaussian, with the signature `prior`, or not at all."""
    gaussian = vae.prior.as_gaussian()
    if gaussian is not None:
        scale_tril = np.asarray(gaussian.scale_tril)
        rows = [_plain(row[: i + 1]) for i, row in enumerate(scale_tril)]
        return {"kind": gaussian.kind, "mean": _plain(np.asarray(gaussian.mean)), "scale_tril": rows}
    if vae.prior.noise_shape is not None:
        return {"kind": "signature", "noise_shape": list(vae.prior.noise_shape)}
    return None


def _units(vae: VAE) -> dict[str, dict[str, str]]:
    """The unit of each output of each signature, in words."""
    user = f"{Unit.USER.value}: {_sentence(vae.scaling)}"
    return {
        signature.name: {name: user if unit is Unit.USER else unit.value for name, unit in signature.outputs.items()}
        for signature in vae.signatures()
    }


def digest(path: Path) -> str:
    """The sha256 of a file; for a folder, of the sorted names and digests of its files."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    inside = sorted(file for file in path.rglob("*") if file.is_file())
    lines = "".join(f"{digest(file)}  {file.relative_to(path).as_posix()}\n" for file in inside)
    return hashlib.sha256(lines.encode()).hexdigest()


def _sentence(scaling: Scaling) -> str:
    text = "same as model units" if scaling.kind == "none" else "x * factor + offset of `scaling`"
    most = f"{scaling.largest:g}"
    return f"{text}, rounded half to even and clipped to 0..{most}, {scaling.dtype}" if scaling.integer else text


def _scale(likelihood: Any) -> dict[str, Any]:
    mode = getattr(likelihood, "scale_mode", None)
    if mode in (None, "per_pixel"):  # per_pixel: the decoder outputs the scale
        return {} if mode is None else {"scale_mode": mode}
    scale = likelihood.scale if mode == "fixed" else float(np.exp(np.float64(likelihood.shared_log_scale)))
    return {"scale": scale, "scale_mode": mode}


def _plain(values: np.ndarray) -> list[float]:
    # The shortest decimals that restore the float32; whole numbers without a decimal point.
    numbers = (float(str(np.float32(value))) for value in values)
    return [int(number) if number.is_integer() else number for number in numbers]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
