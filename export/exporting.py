"""A complete export: writes files from a model, verifies each in another process, and publishes them as one version."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial, singledispatch
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfvae.errors import UserError
from tfvae.export import card, description, files, gates, in_memory, latents, report, subject, versions
from tfvae.export.options import Options
from tfvae.export.proof import Evidence, prove
from tfvae.export.quantization import AIMS
from tfvae.files import write
from tfvae.models.base import LatentModel
from tfvae.models.signatures import DECODER, GENERATOR, SCORER
from tfvae.models.vae import VAE
from tfvae.runs.folder import Run

Say = Callable[[str], None]

# Seed of the latents that files are compared on; `files` has another seed for calibration.
PROOF_SEED = 1
# Options that say something about a run, and what to do instead for a model in Python.
_OF_RUNS = {
    "out": "pass the folder as path",
    "allow_code": "leave it out",
    "places": "leave it out",
    "allow_changed_data": "leave it out",
}


@singledispatch
def export(
    model: Any,
    x_test: Any = None,
    path: Any = None,
    *,
    y: Any = None,
    x_train: Any = None,
    y_train: Any = None,
    options: Options | None = None,
    say: Say = print,
) -> Path:
    """Exports a model in Python into the next version in a folder; returns the version's folder.

    A run is exported with `export(folder, options, say)`: its data are the examples, and `RUN/export` is the folder.

    Args:
      model: a trained model; of any precision, it is exported from its float32 weights.
      x_test: `[n, …]` examples to compare the files on: integers in the user's units, floats in model units.
      path: the folder of the versions.
      y: the condition of x_test: `[n]` labels or `[n, C]` numbers; other models ignore it.
      x_train: `[n, …]` examples to calibrate the quantized files on, of which 1,000 are used; None: x_test.
      y_train: the condition of x_train.
      options: what to write; None: everything but the generator and the scorer. Options about a run do not apply.
      say: called with progress lines and the lines of the proof's table.

    Raises:
      UserError: an argument, the examples, or the run or its data cannot be used, the model cannot be converted, or a
        file exceeds a gate; no version is written then.

    Example:
      `tfvae.export.export(vae, x_test, "exported", options=tfvae.export.Options(quantize=["int8"]))`
    """
    if not isinstance(model, LatentModel):
        raise UserError(
            f"export: got {type(model).__name__}, expected a model, such as a tfvae.VAE, or the folder of a run."
        )
    options = _checked(options)
    for name, instead in _OF_RUNS.items():
        if getattr(options, name):
            raise UserError(f"options: {name} is for runs and does not apply to a model in Python; {instead}.")
    if not isinstance(path, (str, os.PathLike)):
        raise UserError(
            f'path: got {path!r}, expected the folder of the versions, as in export(model, x_test, "exported").'
        )
    subjected = in_memory.of(model, x_test, y, x_train, y_train)
    if x_train is None and not set(options.kinds).isdisjoint(AIMS):
        say("x_train: not passed; the quantized files are calibrated on x_test, on which they are also compared")
    return _export(subjected, Path(path), options, str(path), say)


@export.register(str)
@export.register(os.PathLike)
def _of_run(folder: str | Path, options: Options | None = None, say: Say = print) -> Path:
    options = _checked(options)
    run = Run.open(folder, options.allow_code)
    subjected = subject.of(run, options.places, options.allow_changed_data, say)
    return _export(subjected, options.out or run.folder / "export", options, str(run.folder), say)


def _checked(options: Any) -> Options:
    if options is None:
        return Options()
    if not isinstance(options, Options):
        raise UserError(
            f"options: got {type(options).__name__}, expected tfvae.export.Options; examples are passed with a model, "
            "not with the folder of a run."
        )
    return options


def _export(subjected: subject.Subject, base: Path, options: Options, what: str, say: Say) -> Path:
    """Writes, verifies and publishes the files; `what` begins a message."""
    vae = subjected.vae
    bounds = gates.changed(gates.of_model(vae.signatures()), options.gates)
    _without_noise(vae, options, say)
    with versions.building(base) as unfinished, _room(base):
        described = description.of(subjected)
        written = files.write(subjected, described, options, unfinished, say)
        say(f"verifying {len(written)} files in other processes")
        rows = prove(unfinished, {name: entry["kind"] for name, entry in written.items()}, _evidence(subjected))
        for line in report.table(rows, bounds).splitlines():
            say(line)
        failures = gates.failures(rows, bounds)
        if failures:
            count = "one gate was" if len(failures) == 1 else f"{len(failures)} gates were"
            raise UserError(
                f"{what}: nothing was exported, because {count} exceeded. {' '.join(failures)} Loosen the gate "
                "by name, or leave the file out (--quantize, --formats; in Python fields of Options)."
            )
        for row in rows:
            written[row.file].update(row.to_dict())

        def finish(version: int) -> None:
            texts = _texts(subjected, {**described, "version": version, "files": written}, report.to_dict(rows, bounds))
            for name, text in texts.items():
                write(unfinished / name, partial(Path.write_text, data=text, encoding="utf-8"))

        return versions.publish(unfinished, base, finish)


def _without_noise(vae: VAE, options: Options, say: Say) -> None:
    """Reports what cannot be exported from this model.

    Raises:
      UserError: a requested file would be empty.
    """
    available = {signature.file for signature in vae.signatures()}
    if vae.prior.noise_shape is None:
        say(f"no file can draw samples: {type(vae.prior).__name__} is not a function of noise (Prior.noise_shape)")
    for option, requested, file in (
        ("--generator", options.generator, GENERATOR),
        ("--scorer", options.scorer, SCORER),
        ("--formats tflite", "tflite" in options.formats, DECODER),
    ):
        if requested and file not in available:
            raise UserError(f"{option}: this model has no signature for {file}.tflite; leave the option out.")


def _evidence(subjected: subject.Subject) -> Evidence:
    vae, x, y = subjected.vae, subjected.test, subjected.test_y
    return Evidence(
        vae=vae,
        x=x,
        prior_z=latents.prior(vae, len(x), PROOF_SEED, y),
        posterior_z=latents.posterior(vae, x, PROOF_SEED, y),
        seed=PROOF_SEED,
        y=y,
    )


def _texts(subjected: subject.Subject, described: dict[str, Any], proof: dict[str, Any]) -> dict[str, str]:
    """The text files of a version: `decoder.json`, `report.json` and the model card."""
    return {
        "decoder.json": json.dumps(described, indent=1) + "\n",
        "report.json": json.dumps(proof, indent=1) + "\n",
        "README.md": card.card(described, subjected.origin, subjected.vae.terms),
    }


@contextlib.contextmanager
def _room(base: Path) -> Iterator[None]:
    """Adds to TensorFlow's errors of a full disk the folders that may be full."""
    try:
        yield
    except (tf.errors.OpError, OSError, RuntimeError) as error:
        if "No space left" not in str(error):
            raise
        places = f"{base} or {tempfile.gettempdir()}"
        raise OSError(errno.ENOSPC, "No space left on device", places) from error
