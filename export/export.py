"""A whole export: files from a run, each proved in another process, then published as one version."""

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

from tfvae import config
from tfvae.errors import UserError
from tfvae.export import card, facts, files, gates, latents, report, subject, versions
from tfvae.export.options import Options
from tfvae.export.proof import Evidence, Row, prove
from tfvae.files import write
from tfvae.runs.folder import Run

# Of the latents that files are judged on; `files` has another for those that they are calibrated on.
PROOF_SEED = 1


def export(folder: str | Path, options: Options, say: Callable[[str], None] = print) -> Path:
    """Exports a run into the next version; gives its folder.

    Args:
      folder: the run's; training has ended there.
      options: what to make.
      say: takes lines on how far it is, and the table of the proof.

    Raises:
      UserError: the run or its data cannot be used, a model that a converter cannot take, or a file that misses a gate,
        with the figures; no version is made then.

    Example:
      `export("runs/digits", Options(quantize=["int8"]))`
    """
    run = Run.open(folder, options.allow_code)
    subjected = subject.of(run)
    base = options.out or run.folder / "export"
    with versions.building(base) as unfinished, _room(base):
        described = facts.of(subjected)
        made = files.write(subjected, described, options, unfinished, say)
        say(f"proving {len(made)} files in other processes")
        rows = prove(unfinished, {name: entry["kind"] for name, entry in made.items()}, _evidence(subjected))
        for line in report.table(rows, options.gates).splitlines():
            say(line)
        failures = gates.failures(rows, options.gates)
        if failures:
            missed = "a gate is" if len(failures) == 1 else f"{len(failures)} gates are"
            raise UserError(
                f"{run.folder}: nothing is exported, for {missed} missed. {' '.join(failures)} Loosen it by name, or "
                "leave the file out (--quantize, --formats)."
            )
        for row in rows:
            made[row.file].update(row.to_dict())

        def finish(version: int) -> None:
            _describe(unfinished, run, described, made, rows, options, version)

        return versions.publish(unfinished, base, finish)


def _evidence(subjected: subject.Subject) -> Evidence:
    vae, x = subjected.functions.vae, subjected.test
    return Evidence(
        functions=subjected.functions,
        x=x,
        prior_z=latents.prior(vae, len(x), PROOF_SEED),
        posterior_z=latents.posterior(vae, x, PROOF_SEED),
        seed=PROOF_SEED,
    )


def _describe(
    folder: Path,
    run: Run,
    described: dict[str, Any],
    made: dict[str, Any],
    rows: list[Row],
    options: Options,
    version: int,
) -> None:
    """What people and programs read first: `decoder.json`, `report.json` and the model card."""
    whole = {**described, "version": version, "files": made}
    texts = {
        "decoder.json": json.dumps(whole, indent=1) + "\n",
        "report.json": json.dumps(report.to_dict(rows, options.gates), indent=1) + "\n",
        "README.md": card.card(whole, {**run.facts, **config.to_dict(run.config)}, run.read_json("report.json")),
    }
    for name, text in texts.items():
        write(folder / name, partial(Path.write_text, data=text))


@contextlib.contextmanager
def _room(base: Path) -> Iterator[None]:
    """Says of a full disk which places are meant, as TensorFlow's own writers and arrays on their way do not."""
    try:
        yield
    except (tf.errors.OpError, OSError, RuntimeError) as error:
        if "No space left" not in str(error):
            raise
        places = f"{base} or {tempfile.gettempdir()}"
        raise OSError(errno.ENOSPC, "No space left on device", places) from error
