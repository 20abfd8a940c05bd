"""A whole run from a configuration: data, model, training, report, files, pictures."""

from __future__ import annotations

import contextlib
import dataclasses
import platform
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

import tfvae
from tfvae import catalog, noise
from tfvae.config import Config, paths
from tfvae.data import load
from tfvae.data.splits import DataSet
from tfvae.engine import optimizers, trainer
from tfvae.engine import strategy as strategies
from tfvae.engine.cluster import environment as cluster
from tfvae.engine.cluster import workers
from tfvae.engine.loop import Loop
from tfvae.engine.outputs import Outputs
from tfvae.engine.plan import check_shares
from tfvae.errors import UserError
from tfvae.latent import resolve
from tfvae.models.base import LatentModel
from tfvae.plots import gallery
from tfvae.runs import changes, keras_files, report, tensorboard
from tfvae.runs.folder import Run, absolute
from tfvae.runs.progress import Reporter


def train(
    config: Config, folder: str | Path, *, preset: str = "", quiet: bool = False, profile: int = 0
) -> dict[str, Any]:
    """Trains from nothing into a new run folder; gives what `report.json` holds.

    Seeds the global generators of Python, NumPy and TensorFlow, from which Keras draws the first weights.

    Args:
      config: the whole recipe.
      folder: new or empty.
      preset: the name to keep in `config.yaml`.
      quiet: print nothing.
      profile: steps to profile for TensorBoard; 0: none.

    Raises:
      UserError: settings, data or folder that cannot be used; the loss is not finite.
      Stopped: Ctrl-C or SIGTERM came; the checkpoint is written.

    Example:
      `train(tfvae.presets.load("digits"), "runs/digits")["test"]["elbo"]`
    """
    with workers.worker_errors(config.training) as writes, _precision(config.training.precision):
        experiment = _Experiment(config, quiet or not writes)
        facts = {"preset": preset, **experiment.facts()}
        run = Run.create(folder, config, facts) if writes else Run(Path(folder), config, facts)
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
    """Goes on with a run from its newest whole checkpoint; gives what `report.json` holds.

    A run that has ended is left as it is, unless it is to be longer.

    Args:
      folder: the run's.
      config: the recipe to go on with, which `config.yaml` holds from then on; None: the run's own.
      allow_changed: take settings that change the result too, where the checkpoint still fits.
      allow_code: packages that the run's `config.yaml` may name code of.
      quiet: print nothing.
      profile: steps to profile for TensorBoard; 0: none.

    Raises:
      UserError: no run is there, another process holds it, its checkpoints are all broken, or they do not go with
        the recipe or the data.
      Stopped: Ctrl-C or SIGTERM came; the checkpoint is written.

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
            print("\n".join(["this run had ended, and is left as it is.", *_summary(done, run)]))
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
    """What a run needs, made in the order in which TensorFlow wants it: devices, data, model."""

    def __init__(self, config: Config, quiet: bool) -> None:
        self._config, self._quiet = config, quiet
        self._latent, reason = resolve(config.training.latent)
        self._latent_said = f"{self._latent} ({reason})" if reason else self._latent
        self._strategy = strategies.from_settings(config.training)
        # Keras seeds its initialisers from 32 bits; only they use it.
        keras.utils.set_random_seed(config.seed & 0xFFFFFFFF)
        self._data = load.for_recipe(config)
        # Each machine may have its data in another place.
        elsewhere: dict[str, Any] = dict.fromkeys(paths(config.data))
        recipe = dataclasses.replace(config, data=dataclasses.replace(config.data, **elsewhere))
        workers.require_same(self._strategy, {"configuration": recipe, "data set": self.facts()["examples"]})
        with self._strategy.scope():
            self._model = build(config, self._data)
        check_shares(config.training, self._strategy.num_replicas_in_sync, self._model.group)

    def run(self, run: Run, profile: int, differences: Sequence[changes.Change] = ()) -> dict[str, Any]:
        with Reporter(self._config.training.epochs, self._quiet, self._model.terms) as reporter:
            self._header(reporter)
            writes = workers.place(self._strategy).chief
            loop = Loop(self._model, self._data, self._config, self._strategy, Outputs(run, reporter, profile))
            if steps := loop.resume():
                reporter.say(f"resuming at step {steps:,} of {loop.steps_per_epoch * self._config.training.epochs:,}.")
            for change in differences:
                reporter.say(f"changed: {change}{f' ({change.harmless})' if change.harmless else ''}.")
            if differences and writes:  # not before the checkpoint is seen to fit them
                run.change(self._config)
            with (
                tensorboard.writer(run.tensorboard, self._model.terms) if writes else contextlib.nullcontext() as write
            ):
                loop.run((lambda epoch, line: self._epoch_end(run, write, epoch, line)) if write else None)
            made = self._finish(run, loop, reporter, writes)
            workers.final_barrier(self._strategy, lambda: run.ended)
        if not self._quiet:
            print("\n".join(_summary(made, run)))
        return made

    def _finish(self, run: Run, loop: Loop, reporter: Reporter, writes: bool) -> dict[str, Any]:
        made = report.make(self._model, self._data, loop, self.facts())
        if not writes:
            return made
        keras_files.save(self._model, run)
        reporter.say("drawing pictures …")
        gallery.draw(self._model, self._data, loop.history, run.plots)
        run.write_json("report.json", made)
        return made

    def _epoch_end(self, run: Run, write: tensorboard.Write, epoch: int, line: dict[str, Any]) -> None:
        write(line)
        every = self._config.training.sample_every
        if every and epoch % every == 0:
            path = run.plots / f"samples-epoch-{epoch:04d}.png"
            gallery.draw_samples(self._model, self._data, path, when=f"after epoch {epoch}")

    def _header(self, reporter: Reporter) -> None:
        data, training = self._data, self._config.training
        counts = f"{len(data.train):,} train, {len(data.validation):,} validation, {len(data.test):,} test"
        reporter.say(f"data: {data.name} {list(data.shape)}, {counts}; scaling {data.scaling.kind}.")
        for note in data.notes:
            reporter.say(note)
        reporter.say(
            f"model: {self._config.network.name}, {self._model.count_params():,} parameters, "
            f"D = {self._model.latent_dim}, {type(self._model.prior).__name__} prior, "
            f"{type(self._model.likelihood).__name__} likelihood."
        )
        if note := self._config.likelihood.note:
            reporter.say(f"likelihood: {note}")
        if training.precision.startswith("mixed") and not tf.config.list_physical_devices("GPU"):
            reporter.say(f"precision: {training.precision} pays on a GPU; this CPU is faster in float32.")
        jit = "on" if strategies.use_jit(training, self._model) else "off"
        reporter.say(
            f"engine: TensorFlow {tf.__version__} on {', '.join(_devices())}, {training.strategy} strategy with "
            f"{self._strategy.num_replicas_in_sync} replica(s), {training.precision}, XLA {jit}, "
            f"latent op {self._latent_said}, seed {self._config.seed}."
        )

    def check_data(self, run: Run) -> None:
        """Raises a UserError where the data are not those that the run began with."""
        was, now = run.facts.get("examples"), self.facts()["examples"]
        if was and was != now:  # a run of an earlier version does not tell
            before, after = (", ".join(f"{name} {value}" for name, value in each.items()) for each in (was, now))
            raise UserError(
                f"--resume: the run began with other data ({before}; now {after}), so that its steps and its test "
                "examples are others; bring those data back, or train anew with another --out."
            )

    def facts(self) -> dict[str, Any]:
        """What `config.yaml` and `report.json` say of the run beside its settings."""
        versions = {
            "tfvae": tfvae.__version__,
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "python": platform.python_version(),
        }
        latent = {"implementation": self._latent_said, "devices": _devices()}
        splits = {name: len(getattr(self._data, name)) for name in ("train", "validation", "test")}
        examples = {"shape": list(self._data.shape), **splits}
        return {"noise_version": noise.NOISE_VERSION, "versions": versions, "latent": latent, "examples": examples}


def build(config: Config, data: DataSet) -> LatentModel:
    """The model of a configuration for a data set, with fresh weights.

    Raises:
      UserError: settings that do not fit each other or the data.
    """
    model: LatentModel = catalog.load("model", config.model.name).build(config, data)
    if len(data.train) < config.training.batch_size:
        size, examples = config.training.batch_size, len(data.train)
        raise UserError(f"training.batch_size: got {size}, want at most the {examples} training examples.")
    # Unknown names are refused before there is a run folder.
    trainer.check(model, config.training)
    for settings in (config.training, *map(config.training.of_objective, config.training.optimizers)):
        optimizers.from_settings(settings, 1)
    return model


def _summary(made: dict[str, Any], run: Run) -> list[str]:
    return [*report.lines(made), f"  run folder      {run.folder}"]


def _devices() -> list[str]:
    gpus = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
    return [gpu.get("device_name", "GPU") for gpu in gpus] or [f"CPU {platform.machine()}"]
