"""One run from its settings to its files: devices, data and model, training, report, pictures."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import keras

from tfvae import catalog
from tfvae.config import Config, paths
from tfvae.data import checking, load
from tfvae.data.splits import DataSet, Known, Say
from tfvae.engine import optimizers, trainer
from tfvae.engine import strategy as strategies
from tfvae.engine.cluster import workers
from tfvae.engine.loop import Loop
from tfvae.engine.outputs import Outputs
from tfvae.engine.plan import check_shares, steps_per_epoch
from tfvae.errors import UserError, reason
from tfvae.latent import resolve
from tfvae.models.base import LatentModel
from tfvae.plots import gallery
from tfvae.runs import changes, header, identity, initial, keras_files, report, tensorboard
from tfvae.runs import plan as plans
from tfvae.runs.folder import Run
from tfvae.runs.progress import Reporter


class Execution:
    """The objects of a run, created in the order that TensorFlow requires: devices, data, model."""

    def __init__(self, config: Config, quiet: bool, known: Known | None = None) -> None:
        self._config, self._quiet = config, quiet
        # Until there is a bar, lines are simply printed.
        self._say: Say = (lambda text: None) if quiet else functools.partial(print, flush=True)
        self._new_facts: dict[str, Any] = {}
        self._latent, reason = resolve(config.training.latent)
        self._latent_text = f"{self._latent} ({reason})" if reason else self._latent
        self._strategy = strategies.from_settings(config.training)
        # Keras seeds its initialisers from 32 bits; only they use it.
        keras.utils.set_random_seed(config.seed & 0xFFFFFFFF)
        with checking.heard_by(self._say):
            self._data = load.for_recipe(config, known=known or {}, say=self._say)
        # Each machine may have its data under another path.
        no_paths: dict[str, Any] = dict.fromkeys(paths(config.data))
        comparable = dataclasses.replace(config, data=dataclasses.replace(config.data, **no_paths))
        same = {"configuration": comparable, "data set": (identity.examples(self._data), self._data.fingerprint)}
        workers.require_same(self._strategy, same)
        with self._strategy.scope():
            self._model = build(config, self._data)
        check_shares(config.training, self._strategy.num_replicas_in_sync, self._model.group)

    def start_from(self, folder: str | Path | None, allow_code: Collection[str]) -> dict[str, Any]:
        """Starts from the weights of another run, if one is named; returns the fact for `config.yaml`."""
        if folder is None:
            return {}
        fact = initial.assign(self._model, self._config, folder, allow_code, self._say)
        workers.require_same(self._strategy, {"initial weights": fact["weights"]})
        return {initial.FACT: fact}

    def start_again(self, run: Run) -> None:
        """The same for a run that was stopped before its first checkpoint."""
        initial.assign_again(self._model, run)

    def plan(self, done: int | None) -> plans.Plan:
        """What the steps after the first `done` would take; None: the run has finished."""
        with Reporter(self._config.training.epochs, self._quiet, self._model.terms) as reporter:
            self._say_header(reporter)
        return plans.measured(self._model, self._data, self._config, self._strategy, done)

    def run(self, run: Run, profile: int, differences: Sequence[changes.Change] = ()) -> dict[str, Any]:
        """Trains from the newest checkpoint of the run to the end; returns the content of `report.json`."""
        with Reporter(self._config.training.epochs, self._quiet, self._model.terms) as reporter:
            self._say_header(reporter)
            writes = workers.place(self._strategy).chief
            self._say = reporter.say
            loop = Loop(self._model, self._data, self._config, self._strategy, Outputs(run, reporter, profile))
            if steps := loop.resume():
                reporter.say(f"resuming at step {steps:,} of {loop.steps_per_epoch * self._config.training.epochs:,}.")
            elif fact := run.facts.get(initial.FACT):
                reporter.say(f"initial weights: the best of {fact['run']}.")
            for change in differences:
                reporter.say(f"changed: {change}{f' ({change.harmless})' if change.harmless else ''}.")
            if writes and (differences or self._new_facts):  # only now: the checkpoint is restored, so it fits them
                run.change(self._config, self._new_facts)
            if writes:
                run.write_files(self._data.files)
            with (
                tensorboard.writer(run.tensorboard, self._model.terms) if writes else contextlib.nullcontext() as write
            ):
                loop.run((lambda epoch, line: self._epoch_end(run, write, epoch, line)) if write else None)
            result = self._finish(run, loop, reporter, writes)
            workers.final_barrier(self._strategy, lambda: run.ended)
        if not self._quiet:
            print("\n".join(summary(result, run)))
        return result

    def _finish(self, run: Run, loop: Loop, reporter: Reporter, writes: bool) -> dict[str, Any]:
        """Writes what a run ends with, in the order of its worth: nothing after the model can cost the model."""
        if writes:
            keras_files.save(self._model, run)
        alone = self._config.training.strategy != "multiworker"
        result = report.make(self._model, self._data, loop, self.facts(), alone=alone)
        if not writes:
            return result
        run.write_json("report.json", result)
        reporter.say("drawing pictures …")
        result["failed"] += _failures(lambda: gallery.draw(self._model, self._data, loop.history, run.plots))
        lost = next((each["reason"] for each in result["failed"] if each["name"] == report.TEST), None)
        run.write_json("report.json", {**result, "complete": lost is None})
        if lost is not None:
            raise UserError(
                f"the test figures could not be computed ({lost}), but the model is saved in {run.folder}; remove the "
                f"cause, then finish the run: --out {run.folder} --resume."
            )
        return result

    def _epoch_end(self, run: Run, write: tensorboard.Write, epoch: int, line: dict[str, Any]) -> None:
        write(line)
        every = self._config.training.sample_every
        if every and epoch % every == 0:
            path = run.plots / f"samples-epoch-{epoch:04d}.png"
            try:
                gallery.draw_samples(self._model, self._data, path, when=f"after epoch {epoch}")
            except Exception as error:  # a picture must not end the training
                self._say(f"{path.name}: not drawn ({reason(error)}).")

    def check_data(self, run: Run, allow_changed: bool) -> None:
        """Raises a UserError if the data differ from those that the run started with, and are not allowed to."""
        now, was = identity.examples(self._data), run.facts.get("examples")
        if not identity.require_same(run, self._data, allow_changed, self._say) and was:
            size = self._config.training.batch_size
            if was["shape"] != now["shape"] or was["train"] // size != now["train"] // size:
                raise UserError(
                    f"{run.folder}: the checkpoint does not fit these data: shape {was['shape']} and {was['train']} "
                    f"training examples; now {now['shape']} and {now['train']}, which changes the model or the number "
                    "of steps per epoch; start a new run with another --out."
                )
        fingerprint = dict(self._data.fingerprint)
        if run.facts.get("fingerprint") != fingerprint:
            self._new_facts = {"examples": now, "fingerprint": fingerprint}

    def facts(self) -> dict[str, Any]:
        """What `config.yaml` and `report.json` record about the run besides its settings."""
        return header.facts(self._data, self._latent_text)

    def _say_header(self, reporter: Reporter) -> None:
        replicas = self._strategy.num_replicas_in_sync
        for line in header.lines(self._config, self._data, self._model, replicas, self._latent_text):
            reporter.say(line)


def build(config: Config, data: DataSet) -> LatentModel:
    """The model of a configuration for a data set, with initial weights.

    Raises:
      UserError: a setting does not fit another one or the data.
    """
    model: LatentModel = catalog.load("model", config.model.name).build(config, data)
    steps = steps_per_epoch(config.training, len(data.train))
    # Checked here, so that unknown names are rejected before a run folder is created.
    trainer.check(model, config.training)
    for settings in (config.training, *map(config.training.of_objective, config.training.optimizers)):
        optimizers.from_settings(settings, steps)
    return model


def _failures(draw: Callable[[], gallery.Drawn]) -> list[dict[str, str]]:
    """Draws, and describes the pictures that could not be drawn, those with the same reason together."""
    try:
        failed = draw().failed
    except Exception as error:
        failed = (("pictures", reason(error)),)
    names: dict[str, list[str]] = {}
    for name, why in failed:
        names.setdefault(why, []).append(name)
    return [{"name": ", ".join(together), "reason": why} for why, together in names.items()]


def summary(result: dict[str, Any], run: Run) -> list[str]:
    """The lines at the end of a run."""
    return [*report.lines(result), f"  run folder      {run.folder}"]
