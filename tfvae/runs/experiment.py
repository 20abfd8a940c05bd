"""A complete run from a configuration: data, model, training, report, files, pictures."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import platform
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

import tfvae
from tfvae import catalog, noise
from tfvae.config import Config, paths
from tfvae.data import checking, load
from tfvae.data.condition import Condition
from tfvae.data.splits import DataSet, Known, Say
from tfvae.engine import optimizers, trainer
from tfvae.engine import strategy as strategies
from tfvae.engine.cluster import environment as cluster
from tfvae.engine.cluster import workers
from tfvae.engine.loop import Loop
from tfvae.engine.outputs import Outputs
from tfvae.engine.plan import check_shares, steps_per_epoch
from tfvae.errors import UserError, reason
from tfvae.latent import resolve
from tfvae.models.base import LatentModel
from tfvae.plots import gallery
from tfvae.runs import changes, identity, initial, keras_files, report, tensorboard
from tfvae.runs import plan as plans
from tfvae.runs.folder import Run, absolute
from tfvae.runs.progress import Reporter


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
        experiment = _Experiment(config, quiet or not writes)
        facts = {"preset": preset, **experiment.facts(), **experiment.start_from(init_from, allow_code)}
        run = Run.create(folder, config, facts, numbered=numbered) if writes else Run(Path(folder), config, facts)
        with _held(run, writes):
            return experiment.run(run, profile)


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
        experiment = _Experiment(config, quiet or not writes, run.files())
        experiment.check_data(run, allow_changed_data)
        experiment.start_again(run)
        return experiment.run(run, profile, differences)


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
        experiment = _Experiment(config, quiet, run.files() if run else None)
        if run is not None:
            experiment.check_data(run, allow_changed_data)
        experiment.start_from(init_from, allow_code)
        return experiment.plan(done)


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
    say("\n".join([f"this run has already finished; {nothing}.", *_summary(done, run)]))
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


class _Experiment:
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
        fact = initial.assign(self._model, self._config, folder, allow_code)
        workers.require_same(self._strategy, {"initial weights": fact["weights"]})
        return {initial.FACT: fact}

    def start_again(self, run: Run) -> None:
        """The same for a run that was stopped before its first checkpoint."""
        initial.assign_again(self._model, run)

    def plan(self, done: int | None) -> plans.Plan:
        """What the steps after the first `done` would take; None: the run has finished."""
        with Reporter(self._config.training.epochs, self._quiet, self._model.terms) as reporter:
            self._header(reporter)
        return plans.measured(self._model, self._data, self._config, self._strategy, done)

    def run(self, run: Run, profile: int, differences: Sequence[changes.Change] = ()) -> dict[str, Any]:
        with Reporter(self._config.training.epochs, self._quiet, self._model.terms) as reporter:
            self._header(reporter)
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
            print("\n".join(_summary(result, run)))
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

    def _header(self, reporter: Reporter) -> None:
        data, training = self._data, self._config.training
        counts = f"{len(data.train):,} train, {len(data.validation):,} validation, {len(data.test):,} test"
        reporter.say(f"data: {data.name} {list(data.shape)}, {counts}; scaling {data.scaling.kind}.")
        for note in data.notes:
            reporter.say(note)
        reporter.say(
            f"model: {self._config.network.name}, {self._model.count_params():,} parameters, "
            f"{_latent(self._model)}, {type(self._model.prior).__name__} prior, "
            f"{type(self._model.likelihood).__name__} likelihood{_given(data.condition)}."
        )
        if note := self._config.likelihood.note:
            reporter.say(f"likelihood: {note}")
        if training.precision.startswith("mixed") and not tf.config.list_physical_devices("GPU"):
            reporter.say(f"precision: {training.precision} is faster on a GPU only; on this CPU float32 is faster.")
        jit = "on" if strategies.use_jit(training, self._model) else "off"
        reporter.say(
            f"engine: TensorFlow {tf.__version__} on {', '.join(_devices())}, {training.strategy} strategy with "
            f"{self._strategy.num_replicas_in_sync} replica(s), {training.precision}, XLA {jit}, "
            f"latent op {self._latent_text}, seed {self._config.seed}."
        )

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
        versions = {
            "tfvae": tfvae.__version__,
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "python": platform.python_version(),
        }
        latent = {"implementation": self._latent_text, "devices": _devices()}
        data = {"examples": identity.examples(self._data), "fingerprint": dict(self._data.fingerprint)}
        return {"noise_version": noise.NOISE_VERSION, "versions": versions, "latent": latent, **data}


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


def _summary(result: dict[str, Any], run: Run) -> list[str]:
    return [*report.lines(result), f"  run folder      {run.folder}"]


def _latent(model: Any) -> str:
    shape = model.latent_shape
    return f"D = {shape[0]}" if len(shape) == 1 else f"z {list(shape)}"


def _given(condition: Condition | None) -> str:
    if condition is None:
        return ""
    names = ", ".join(condition.names[:8]) + (", …" if len(condition.names) > 8 else "")
    return f"; conditioned on {'the label' if condition.kind == 'label' else condition.kind} ({names})"


def _devices() -> list[str]:
    gpus = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
    return [gpu.get("device_name", "GPU") for gpu in gpus] or [f"CPU {platform.machine()}"]
