"""A complete export: writes files from a run, verifies each in another process, and publishes them as one version."""

from __future__ import annotations

import contextlib
import errno
import json
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfvae.errors import UserError
from tfvae.export import card, description, files, gates, latents, report, subject, versions
from tfvae.export.options import Options
from tfvae.export.proof import Evidence, prove
from tfvae.files import write
from tfvae.models.signatures import DECODER, GENERATOR, SCORER
from tfvae.models.vae import VAE
from tfvae.runs.folder import Run

# Seed of the latents that files are compared on; `files` has another seed for calibration.
PROOF_SEED = 1


def export(folder: str | Path, options: Options, say: Callable[[str], None] = print) -> Path:
    """Exports a run into the next version; returns its folder.

    Args:
      folder: of a finished run.
      options: what to write.
      say: called with progress lines and the lines of the proof's table.

    Raises:
      UserError: the run or its data cannot be used, the model cannot be converted, or a file exceeds a gate; no version
        is written then.

    Example:
      `export("runs/digits", Options(quantize=["int8"]))`
    """
    run = Run.open(folder, options.allow_code)
    subjected = subject.of(run, options.places, options.allow_changed_data, say)
    vae = subjected.vae
    bounds = gates.changed(gates.of_model(vae.signatures()), options.gates)
    _without_noise(vae, options, say)
    base = options.out or run.folder / "export"
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
                f"{run.folder}: nothing was exported, because {count} exceeded. {' '.join(failures)} Loosen the gate "
                "by name, or leave the file out (--quantize, --formats)."
            )
        for row in rows:
            written[row.file].update(row.to_dict())

        def finish(version: int) -> None:
            texts = _texts(subjected, {**described, "version": version, "files": written}, report.to_dict(rows, bounds))
            for name, text in texts.items():
                write(unfinished / name, partial(Path.write_text, data=text, encoding="utf-8"))

        return versions.publish(unfinished, base, finish)


def _without_noise(vae: VAE, options: Options, say: Callable[[str], None]) -> None:
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
