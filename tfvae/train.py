"""`python -m tfvae.train`: trains a VAE from a preset and settings into a run folder."""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path
from typing import Any

from tfvae import catalog, config, presets
from tfvae.command import allow_code_option, guarded, parsed
from tfvae.engine.cluster import environment as cluster
from tfvae.errors import UserError
from tfvae.quiet import quiet_start
from tfvae.runs.folder import Run

_DESCRIPTION = """\
Trains a variational autoencoder and writes everything to a run folder: the model (model.keras, encoder.keras,
decoder.keras), metrics.jsonl, tensorboard/, checkpoints/, plots/ and report.json.

examples:
  python -m tfvae.train                                         the digits preset, about a minute
  python -m tfvae.train --preset mnist-2d --set data.dir=DIR    DIR holds mnist.npz in Keras's layout
  python -m tfvae.train --set data.name=csv data.path=rows.csv likelihood.name=gaussian
  python -m tfvae.train --out runs/digits-1 --resume            continue a run that was stopped
  python -m tfvae.train --out runs/digits-1 --resume --set training.epochs=400         continue it for longer
  python -m tfvae.train --preset digits --out runs/job --resume  start the run or continue it: for jobs that restart
  python -m tfvae.train --preset mnist-conv --plan              say what it takes, and train nothing
  python -m tfvae.train --init-from runs/digits-1 --set objective.kl_weight=4       start from the weights of a run

exit status: 0; 2 after an error, printed as one sentence; 130 or 143 after Ctrl-C or SIGTERM, with a checkpoint saved.
"""


def main(arguments: list[str] | None = None) -> int:
    """Parses the arguments, trains, prints the summary; returns the exit status."""
    options = parsed(_parser(), arguments)
    return guarded(lambda: _run(options), options.debug)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tfvae.train",
        description=_DESCRIPTION,
        epilog=_settings_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--preset", metavar="NAME", help="a preset, or your own file.yaml (default: digits)")
    add(
        "--set",
        metavar="section.key=value",
        nargs="+",
        action="extend",
        default=[],
        help="change settings; text is taken as typed, all else is YAML: --set prior.covariance=[[1,-0.5],[-0.5,1]]",
    )
    add("--out", metavar="DIR", help="run folder, new or empty (default: runs/PRESET-DATE-TIME)")
    add("--seed", type=int, metavar="N", help="seed of every random number (default: the preset's, 0)")
    add(
        "--resume",
        action="store_true",
        help="continue the run in --out, bit-exact on one CPU replica; with --preset, start it if it does not exist",
    )
    add("--allow-changed", action="store_true", help="with --resume: accept settings that change the result")
    add(
        "--allow-changed-data",
        action="store_true",
        help="with --resume: accept data that differ from those that the run began with",
    )
    add(
        "--init-from",
        metavar="RUN",
        help="start a new run from the best weights of another one with the same networks (default: random weights)",
    )
    add(
        "--plan",
        action="store_true",
        help="print steps, memory, disk and time, measured for a minute at most; write nothing",
    )
    add(
        "--strategy",
        choices=("default", "mirrored", "multiworker"),
        help="distribution strategy (default: default)",
    )
    add("--replicas", type=int, metavar="N", help="mirrored: N logical CPU devices, for tests (default: every GPU)")
    add("--on-nonfinite", choices=("stop", "skip"), help="on NaN or infinity: stop, or skip the step (default: stop)")
    add("--latent", choices=("auto", "fused", "plain", "reference"), help="implementation of the latent op")
    add("--sample-every", type=int, metavar="N", help="write a picture of samples every N epochs")
    add("--profile", type=int, metavar="STEPS", default=0, help="profile STEPS steps for TensorBoard (default: none)")
    allow_code_option(parser)
    add("--quiet", action="store_true", help="print only errors")
    add("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _run(options: argparse.Namespace) -> int:
    if options.profile < 0:
        raise UserError(f"--profile: got {options.profile}, expected a number of steps.")
    if options.allow_changed and not options.resume:
        raise UserError("--allow-changed: needs --resume; a new run accepts any settings.")
    if options.allow_changed_data and not options.resume:
        raise UserError("--allow-changed-data: needs --resume; a new run accepts any data.")
    preset, assignments = options.preset or "digits", [*_shorthands(options), *options.set]
    resuming = options.resume and _run_exists(options)
    start = _start(options, preset, resuming)
    settings = config.override(start, assignments)
    folder = options.out or f"runs/{Path(preset).stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    existing = Run.open(folder, options.allow_code) if resuming else None
    if options.init_from and existing is None:
        Run.open(options.init_from, options.allow_code)  # a wrong name costs no time
    with quiet_start():
        from tfvae.engine.signals import Stopped
        from tfvae.runs import experiment, initial
    if existing is not None:
        initial.check_same(existing, options.init_from)
    output = {"quiet": options.quiet, "profile": options.profile}
    allowed = {name: getattr(options, name) for name in ("allow_changed", "allow_changed_data", "allow_code")}
    begun = {"init_from": options.init_from if existing is None else None, "allow_code": options.allow_code}
    try:
        if options.plan:
            plan = experiment.plan(settings, existing, quiet=options.quiet, **{**allowed, **begun})
            print("\n".join(plan.lines(folder)))
        elif existing is not None:
            experiment.resume(folder, settings, **allowed, **output)
        else:
            if options.resume and not options.quiet and cluster.is_chief(settings.training):
                print(f"{folder} has no run yet; starting one.")
            experiment.train(settings, folder, numbered=not options.out, preset=preset, **begun, **output)
    except Stopped as stopped:
        return stopped.code
    return 0


def _start(options: argparse.Namespace, preset: str, resuming: bool) -> config.Config:
    """The configuration to which `--set` applies."""
    if resuming and not options.preset:
        return Run.open(options.out, options.allow_code).config
    return presets.load(preset, options.allow_code)


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


def _run_exists(options: argparse.Namespace) -> bool:
    if not options.out:
        raise UserError("--resume: needs --out DIR, the folder of the run to continue.")
    exists = (Path(options.out) / "config.yaml").is_file()
    if not exists and not options.preset:
        raise UserError(f"--out {options.out}: the folder has no run to resume; add --preset to start one.")
    return exists


def _settings_help() -> str:
    lines = [
        "settings (for --set and YAML files; default in brackets). If only some choices of a section have a setting,",
        "their names stand before the colon. A name may also be package.module:Class, for your own code.",
    ]
    for section, kind in config.sections().items():
        lines.append("")
        for field, choices in _settings(section, kind):
            limits = field.metadata
            unit = f", {limits['unit']}" if limits["unit"] else ""
            values = catalog.names(section) if field.name == "name" else limits["choices"]
            options = f" ({' | '.join(values)})" if values else ""
            owners = f"{', '.join(choices)}: " if choices else ""
            default = "none" if field.default in (None, (), dataclasses.MISSING) else field.default
            text = f"{owners}{limits['help']}{options} [{default}{unit}]"
            lines.append(f"  {section + '.' + field.name:<32} {text}")
    return "\n".join(lines)


def _settings(section: str, kind: type) -> list[tuple[dataclasses.Field[Any], list[str]]]:
    """Every setting of a section with the choices that have it; an empty list if all have it."""
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
