"""A complete run from a configuration: data, model, training, report, files, pictures."""

from __future__ import annotations

import contextlib
import dataclasses
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
from tfvae.data.splits import DataSet
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
from tfvae.runs import changes, keras_files, report, tensorboard
from tfvae.runs.folder import Run, absolute
from tfvae.runs.progress import Reporter


def train(
    config: Config,
    folder: str | Path,
    *,
    numbered: bool = False,
    preset: str = "",
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
        facts = {"preset": preset, **experiment.facts()}
        run = Run.create(folder, config, facts, numbered=numbered) if writes else Run(Path(folder), config, facts)
        with _held(run, writes):
            return experiment.run(run, profile)


def resume(
    folder: str | Path,
    config: Config | None = None,
    *,
    allow_changed: bool = False,
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
        done: dict[str, Any] = run.read_json("report.json")
        if not quiet and cluster.is_chief(config.training):
            print("\n".join(["this run has already finished; nothing to do.", *_summary(done, run)]))
        return done
    with (
        workers.worker_errors(config.training) as writes,
        _precision(config.training.precision),
        _held(run, writes),
    ):
        experiment = _Experiment(config, quiet or not writes)
        experiment.check_data(run)
        return experiment.run(run, profile, differences)


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

    def __init__(self, config: Config, quiet: bool) -> None:
        self._config, self._quiet = config, quiet
        self._latent, reason = resolve(config.training.latent)
        self._latent_text = f"{self._latent} ({reason})" if reason else self._latent
        self._strategy = strategies.from_settings(config.training)
        # Keras seeds its initialisers from 32 bits; only they use it.
        keras.utils.set_random_seed(config.seed & 0xFFFFFFFF)
        with checking.heard_by(None if quiet else lambda line: print(line, flush=True)):
            self._data = load.for_recipe(config)
        # Each machine may have its data under another path.
        no_paths: dict[str, Any] = dict.fromkeys(paths(config.data))
        comparable = dataclasses.replace(config, data=dataclasses.replace(config.data, **no_paths))
        workers.require_same(self._strategy, {"configuration": comparable, "data set": self.facts()["examples"]})
        with self._strategy.scope():
            self._model = build(config, self._data)
        check_shares(config.training, self._strategy.num_replicas_in_sync, self._model.group)

    def run(self, run: Run, profile: int, differences: Sequence[changes.Change] = ()) -> dict[str, Any]:
        with Reporter(self._config.training.epochs, self._quiet, self._model.terms) as reporter:
            self._header(reporter)
            writes = workers.place(self._strategy).chief
            self._say = reporter.say
            loop = Loop(self._model, self._data, self._config, self._strategy, Outputs(run, reporter, profile))
            if steps := loop.resume():
                reporter.say(f"resuming at step {steps:,} of {loop.steps_per_epoch * self._config.training.epochs:,}.")
            for change in differences:
                reporter.say(f"changed: {change}{f' ({change.harmless})' if change.harmless else ''}.")
            if differences and writes:  # only now: the checkpoint has been restored, so it fits them
                run.change(self._config)
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

    def check_data(self, run: Run) -> None:
        """Raises a UserError if the data differ from those that the run started with."""
        was, now = run.facts.get("examples"), self.facts()["examples"]
        if was and was != now:  # runs of earlier versions do not record it
            before, after = (", ".join(f"{name} {value}" for name, value in counts.items()) for counts in (was, now))
            raise UserError(
                f"--resume: the run started with other data ({before}; now {after}), which changes its steps and its "
                "test examples; restore the original data, or start a new run with another --out."
            )

    def facts(self) -> dict[str, Any]:
        """What `config.yaml` and `report.json` record about the run besides its settings."""
        versions = {
            "tfvae": tfvae.__version__,
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "python": platform.python_version(),
        }
        latent = {"implementation": self._latent_text, "devices": _devices()}
        splits = {name: len(getattr(self._data, name)) for name in ("train", "validation", "test")}
        examples = {"shape": list(self._data.shape), **splits}
        return {"noise_version": noise.NOISE_VERSION, "versions": versions, "latent": latent, "examples": examples}


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
