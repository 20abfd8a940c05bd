"""What a file says of itself: `decoder.json`, and the metadata inside each TFLite file."""

from __future__ import annotations

import hashlib
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from tfvae import __version__
from tfvae.config import to_dict
from tfvae.export.subject import Subject
from tfvae.noise import NOISE_VERSION

FORMAT = 1
_PACKAGES = ("tensorflow", "keras", "ai-edge-litert", "litert-quantizer")


def of(subject: Subject) -> dict[str, Any]:
    """What holds for every file of an export, ready for JSON; but for the name nothing depends on when or where."""
    functions, config = subject.functions, subject.run.config
    prior, likelihood = functions.vae.prior, functions.vae.likelihood
    scaling = functions.vae.scaling.to_dict()
    return {
        "format": FORMAT,
        "name": subject.run.folder.resolve().name,
        "noise_version": NOISE_VERSION,
        "latent_dim": functions.latent_dim,
        "event_shape": list(functions.event_shape),
        "prior": {
            "kind": prior.kind,
            "mean": _plain(functions.mean),
            "scale_tril": [_plain(row[: i + 1]) for i, row in enumerate(functions.scale_tril)],
        },
        "likelihood": {"name": type(likelihood).__name__, **_scale(likelihood)},
        "network": to_dict(config.network),
        "units": {
            "decode": "mean of p(x|z) in model units",
            "encode, score, reconstruct": "x in model units; elbo, reconstruction and kl in nats an example",
            "sample": "the user's units: " + _sentence(scaling),
        },
        "scaling": scaling,
        "binarize": config.data.binarize,
        "versions": {"tfvae": __version__, **{name: _version(name) for name in _PACKAGES}},
    }


def digest(path: Path) -> str:
    """The sha256 of a file; of a folder, that of the names and digests of its files in order."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    inside = sorted(file for file in path.rglob("*") if file.is_file())
    lines = "".join(f"{digest(file)}  {file.relative_to(path).as_posix()}\n" for file in inside)
    return hashlib.sha256(lines.encode()).hexdigest()


def _sentence(scaling: dict[str, Any]) -> str:
    text = "the model's own" if scaling["kind"] == "none" else "x * factor + offset of `scaling`"
    most = "factor" if scaling["kind"] == "unit" else "255"
    return f"{text}, rounded half to even and clipped to 0..{most}, uint8" if scaling["integer"] else text


def _scale(likelihood: Any) -> dict[str, Any]:
    mode = getattr(likelihood, "scale_mode", None)
    if mode in (None, "per_pixel"):  # then the decoder gives it
        return {} if mode is None else {"scale_mode": mode}
    scale = likelihood.scale if mode == "fixed" else float(np.exp(np.float64(likelihood.shared_log_scale)))
    return {"scale": scale, "scale_mode": mode}


def _plain(values: np.ndarray) -> list[float]:
    # The shortest decimals that give the float32 back; whole numbers without a point.
    numbers = (float(str(np.float32(value))) for value in values)
    return [int(number) if number.is_integer() else number for number in numbers]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
