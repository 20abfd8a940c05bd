"""`python -m tfvae.train`: from a preset and settings to a trained VAE in a run folder."""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path
from typing import Any

from tfvae import catalog, config, presets
from tfvae.command import allow_code_option, guarded
from tfvae.engine.cluster import environment as cluster
from tfvae.errors import UserError
from tfvae.quiet import quiet_start
from tfvae.runs.folder import Run

_DESCRIPTION = """\
Trains a variational autoencoder and leaves everything in a run folder: the model (model.keras, encoder.keras,
decoder.keras), metrics.jsonl, tensorboard/, checkpoints/, plots/ and report.json.

examples:
  python -m tfvae.train                                         the digits preset, about a minute
  python -m tfvae.train --preset mnist-2d --set data.dir=DIR    DIR holds mnist.npz in Keras's layout
  python -m tfvae.train --set data.name=csv data.path=rows.csv likelihood.name=gaussian
  python -m tfvae.train --out runs/digits-1 --resume            go on with a run that was stopped
  python -m tfvae.train --out runs/digits-1 --resume --set training.epochs=400         the same, for longer
  python -m tfvae.train --preset digits --out runs/job --resume  begin the run, or go on with it: for jobs that restart

exit status: 0; 2 for what you can mend, said in one sentence; 130 or 143 after Ctrl-C or SIGTERM, with a checkpoint.
"""


def main(arguments: list[str] | None = None) -> int:
    """Parses, trains, prints the summary; gives the exit status."""
    options = _parser().parse_args(arguments)
    return guarded(lambda: _run(options), options.debug)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tfvae.train",
        description=_DESCRIPTION,
        epilog=_settings_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--preset", metavar="NAME", help="a preset, or a file.yaml of your own (default: digits)")
    add(
        "--set",
        metavar="section.key=value",
        nargs="+",
        action="extend",
        default=[],
        help="change settings; values are YAML, as in --set prior.covariance=[[1,-0.5],[-0.5,1]]",
    )
    add("--out", metavar="DIR", help="run folder, new or empty (default: runs/PRESET-DATE-TIME)")
    add("--seed", type=int, metavar="N", help="key of every random number (default: the preset's, 0)")
    add(
        "--resume",
        action="store_true",
        help="go on with the run in --out, to the bit on one CPU replica; with --preset, begin it where there is none",
    )
    add("--allow-changed", action="store_true", help="--resume: take settings that change the result, too")
    add(
        "--strategy",
        choices=("default", "mirrored", "multiworker"),
        help="how replicas work together (default: default)",
    )
    add("--replicas", type=int, metavar="N", help="mirrored: N logical CPU devices, for trying (default: every GPU)")
    add("--on-nonfinite", choices=("stop", "skip"), help="on NaN or infinity: stop, or skip the step (default: stop)")
    add("--latent", choices=("auto", "fused", "plain", "reference"), help="implementation of the latent op")
    add("--sample-every", type=int, metavar="N", help="write a picture of samples every N epochs")
    add("--profile", type=int, metavar="STEPS", default=0, help="profile so many steps for TensorBoard (default: none)")
    allow_code_option(parser)
    add("--quiet", action="store_true", help="print nothing but errors")
    add("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _run(options: argparse.Namespace) -> int:
    if options.profile < 0:
        raise UserError(f"--profile: got {options.profile}, want a number of steps.")
    if options.allow_changed and not options.resume:
        raise UserError("--allow-changed: wants --resume; a new run takes any settings.")
    preset, assignments = options.preset or "digits", [*_shorthands(options), *options.set]
    going_on = options.resume and _is_there(options)
    start = _start(options, going_on)
    settings = config.override(start, assignments)
    with quiet_start():
        from tfvae.engine.signals import Stopped
        from tfvae.runs import experiment
    shown = {"quiet": options.quiet, "profile": options.profile}
    try:
        if going_on:
            allowed = {"allow_changed": options.allow_changed, "allow_code": options.allow_code}
            experiment.resume(options.out, settings, **allowed, **shown)
        else:
            folder = options.out or f"runs/{Path(preset).stem}-{time.strftime('%Y%m%d-%H%M%S')}"
            if options.resume and not options.quiet and cluster.is_chief(settings.training):
                print(f"no run is in {folder} yet; it begins.")
            experiment.train(settings, folder, preset=preset, **shown)
    except Stopped as stopped:
        return stopped.code
    return 0


def _start(options: argparse.Namespace, going_on: bool) -> config.Config:
    """The recipe that `--set` changes."""
    if going_on and not options.preset:
        return Run.open(options.out, options.allow_code).config
    return presets.load(options.preset or "digits", options.allow_code)


def _shorthands(options: argparse.Namespace) -> list[str]:
    names = {
        "seed": options.seed,
        "training.strategy": options.strategy,
        "training.replicas": options.replicas,
        "training.on_nonfinite": options.on_nonfinite,
        "training.latent": options.latent,
        "training.sample_every": options.sample_every,
    }
    return [f"{name}={value}" for name, value in names.items() if value is not None]


def _is_there(options: argparse.Namespace) -> bool:
    if not options.out:
        raise UserError("--resume: want --out DIR, the run folder to go on with.")
    there = (Path(options.out) / "config.yaml").is_file()
    if not there and not options.preset:
        raise UserError(f"--out {options.out}: no run is there; with --preset too, --resume begins it.")
    return there


def _settings_help() -> str:
    lines = [
        "settings (for --set, and for YAML files; default in brackets). A setting that only some choices of a section",
        "have says which, before the colon. A name may also be package.module:Class, for code of your own.",
    ]
    for section, kind in config.sections().items():
        lines.append("")
        for field, choices in _settings(section, kind):
            limits = field.metadata
            unit = f", {limits['unit']}" if limits["unit"] else ""
            words = catalog.names(section) if field.name == "name" else limits["choices"]
            options = f" ({' | '.join(words)})" if words else ""
            of = f"{', '.join(choices)}: " if choices else ""
            value = field.default if field.default is not dataclasses.MISSING else "none"
            default = "none" if value is None or value == () else value
            text = f"{of}{limits['help']}{options} [{default}{unit}]"
            lines.append(f"  {section + '.' + field.name:<32} {text}")
    return "\n".join(lines)


def _settings(section: str, kind: type) -> list[tuple[dataclasses.Field[Any], list[str]]]:
    """Every setting of a section, with the choices that it belongs to; none for one that all have."""
    if section not in catalog.KINDS:
        return [(field, []) for field in dataclasses.fields(kind)]
    shared = config.names(kind)
    found: dict[tuple[str, str, Any], tuple[dataclasses.Field[Any], list[str]]] = {}
    for choice in catalog.names(section):
        for field in dataclasses.fields(catalog.settings(section, choice)):
            if field.name not in shared:
                key = (field.name, field.metadata["help"], field.default)
                found.setdefault(key, (field, []))[1].append(choice)
    return [*((field, []) for field in dataclasses.fields(kind)), *found.values()]


if __name__ == "__main__":
    cluster.leave(main())
