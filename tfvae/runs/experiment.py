"""The doors to a complete run: train a new one, resume one, or plan one."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras

from tfvae.config import Config, paths
from tfvae.data.splits import Say
from tfvae.engine.cluster import environment as cluster
from tfvae.engine.cluster import workers
from tfvae.runs import changes, identity
from tfvae.runs import plan as plans
from tfvae.runs.execution import Execution, build, summary
from tfvae.runs.folder import Run, absolute

__all__ = ["build", "plan", "resume", "train"]


def train(
    config: Config,
    folder: str | Path,
    *,
    numbered: bool = False,
    preset: str = "",
    init_from: str | Path | None = None,
    allow_code: Collection[str] = (),
    quiet: bool = False,
    profile: int = 0,
) -> dict[str, Any]:
    """Trains a new model into a new run folder; returns the content of `report.json`.

    Seeds the global generators of Python, NumPy and TensorFlow, from which Keras draws the initial weights.

    Args:
      config: all settings of the run.
      folder: new or empty.
      numbered: if the folder exists, take its name with -2, -3, … instead.
      preset: the name to record in `config.yaml`.
      init_from: another run, from whose best weights this one starts; None: from random weights.
      allow_code: packages whose code the files of `init_from` may name.
      quiet: print nothing.
      profile: steps to profile for TensorBoard; 0: none.

    Raises:
      UserError: the settings, the data or the folder cannot be used, or the loss is not finite.
      Stopped: after Ctrl-C or SIGTERM; the checkpoint is written.

    Example:
      `train(tfvae.presets.load("digits"), "runs/digits")["test"]["elbo"]`
    """
    with workers.worker_errors(config.training) as writes, _precision(config.training.precision):
        execution = Execution(config, quiet or not writes)
        facts = {"preset": preset, **execution.facts(), **execution.start_from(init_from, allow_code)}
        run = Run.create(folder, config, facts, numbered=numbered) if writes else Run(Path(folder), config, facts)
        with _held(run, writes):
            return execution.run(run, profile)


def resume(
    folder: str | Path,
    config: Config | None = None,
    *,
    allow_changed: bool = False,
    allow_changed_data: bool = False,
    allow_code: Collection[str] = (),
    quiet: bool = False,
    profile: int = 0,
) -> dict[str, Any]:
    """Continues a run from its newest intact checkpoint; returns the content of `report.json`.

    A finished run is left unchanged, unless the settings extend it.

    Args:
      folder: the run's.
      config: the settings to continue with, which replace those in `config.yaml`; None: the run's own.
      allow_changed: also accept settings that change the result, if the checkpoint still fits.
      allow_changed_data: also accept other data, if the checkpoint still fits.
      allow_code: packages whose code the run's `config.yaml` may name.
      quiet: print nothing.
      profile: steps to profile for TensorBoard; 0: none.

    Raises:
      UserError: the folder has no run, another process holds it, its checkpoints are all broken, or they do not fit
        the settings or the data.
      Stopped: after Ctrl-C or SIGTERM; the checkpoint is written.

    Example:
      `resume("runs/digits", config.override(Run.open("runs/digits").config, ["training.epochs=400"]))`
    """
    run = Run.open(folder, allow_code)
    config = absolute(config) if config else run.config
    differences = changes.between(run.config, config)
    changes.refuse(differences, allow_changed)
    if run.ended and not changes.prolong(differences):
        return _ended(run, config, differences, allow_changed_data, quiet or not cluster.is_chief(config.training))
    with (
        workers.worker_errors(config.training) as writes,
        _precision(config.training.precision),
        _held(run, writes),
    ):
        execution = Execution(config, quiet or not writes, run.files())
        execution.check_data(run, allow_changed_data)
        execution.start_again(run)
        return execution.run(run, profile, differences)


def plan(
    config: Config,
    run: Run | None = None,
    *,
    init_from: str | Path | None = None,
    allow_code: Collection[str] = (),
    allow_changed: bool = False,
    allow_changed_data: bool = False,
    quiet: bool = False,
) -> plans.Plan:
    """What `train`, or with a run `resume`, would take; it trains for up to a minute to measure, and keeps nothing.

    Args:
      config: all settings.
      run: the run to continue, which is not changed; None: a new one.
      init_from: as for `train`.
      allow_code: as for `train`.
      allow_changed: as for `resume`.
      allow_changed_data: as for `resume`.
      quiet: print nothing.

    Raises:
      UserError: as `train` and `resume`, apart from the folder of a new run.

    Example:
      `plan(tfvae.presets.load("mnist-conv")).seconds`
    """
    done: int | None = plans.steps_done(run)
    if run is not None:
        config = absolute(config)
        differences = changes.between(run.config, config)
        changes.refuse(differences, allow_changed)
        done = done if not run.ended or changes.prolong(differences) else None
    plans.check(config)
    with _precision(config.training.precision):
        execution = Execution(config, quiet, run.files() if run else None)
        if run is not None:
            execution.check_data(run, allow_changed_data)
        execution.start_from(init_from, allow_code)
        return execution.plan(done)


def _ended(
    run: Run, config: Config, differences: Sequence[changes.Change], allow_changed_data: bool, quiet: bool
) -> dict[str, Any]:
    """The report of a run that has finished; of the changes, it keeps only where its data are now."""
    say: Say = (lambda text: None) if quiet else print
    moved = [change for change in differences if change.is_place]
    if moved and cluster.is_chief(config.training):
        places = {name: getattr(config.data, name) for name in paths(run.config.data)}
        there = dataclasses.replace(run.config, data=dataclasses.replace(run.config.data, **places))
        run, _ = identity.of_run(run, there, allow_changed=allow_changed_data, say=say)
        for change in moved if run.config == there else ():
            say(f"changed: {change} ({change.harmless}).")
    done: dict[str, Any] = run.read_json("report.json")
    nothing = "nothing else to do" if moved else "nothing to do"
    say("\n".join([f"this run has already finished; {nothing}.", *summary(done, run)]))
    return done


def _held(run: Run, writes: bool) -> contextlib.AbstractContextManager[None]:
    return run.lock() if writes else contextlib.nullcontext()


@contextlib.contextmanager
def _precision(policy: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
