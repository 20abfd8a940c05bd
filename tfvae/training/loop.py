"""The loop: epochs of compiled calls, validation, checkpoints. Whatever it needs to go on stands in a checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NoReturn

import keras
import numpy as np
import tensorflow as tf

from tfvae import metrics
from tfvae.config import Config
from tfvae.data import pipeline
from tfvae.data.splits import DataSet, Split
from tfvae.errors import UserError
from tfvae.models.results import Schedule
from tfvae.run import Run
from tfvae.training import optimizers
from tfvae.training.checkpoints import Checkpoints
from tfvae.training.evaluation import Evaluation
from tfvae.training.progress import Reporter
from tfvae.training.signals import Stopped, StopRequest
from tfvae.training.step import Step
from tfvae.training.strategy import use_jit

EpochEnd = Callable[[int, dict[str, Any]], None]


class Loop:
    """Trains a model on a data set.

    Args:
      model: gives `objectives()` and `loss_terms`; made in the strategy's scope.
      data: splits and scaling.
      config: the whole recipe.
      strategy: how replicas work together.
      optimizer: None: the settings'.
      run: where metrics and checkpoints go; None: nowhere.
      reporter: what the user sees.

    Attributes:
      history: the metrics of each epoch, as `metrics.jsonl` has them.
      seconds: spent in compiled training calls, without the first two, which compile.
      timed_steps: steps done in them.
    """

    def __init__(
        self,
        model: Any,
        data: DataSet,
        config: Config,
        strategy: tf.distribute.Strategy,
        optimizer: keras.optimizers.Optimizer | None = None,
        run: Run | None = None,
        reporter: Reporter | None = None,
    ) -> None:
        self._model, self._data, self._config, self._run = model, data, config, run
        self._reporter = reporter or Reporter(config.training.epochs, quiet=True)
        self._batch, self._examples = config.training.batch_size, len(data.train)
        self.steps_per_epoch = self._examples // self._batch
        if self.steps_per_epoch == 0:
            raise UserError(
                f"training.batch_size: got {self._batch}, want at most the {self._examples} training examples."
            )
        if dropped := self._examples % self._batch:
            self._reporter.say(f"each epoch drops the {dropped} examples of its last partial batch.")
        with strategy.scope():
            self._counter = tf.Variable(
                0, dtype=tf.int64, trainable=False, aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA
            )
            goals = model.objectives()
            made = [optimizer] if optimizer else []
            made += [optimizers.from_settings(config.training, self.steps_per_epoch) for _ in goals[len(made) :]]
            for each, (_, variables, _) in zip(made, goals):
                optimizers.prepare(each, variables)
        self.jit = use_jit(config.training, model)
        feed = pipeline.feed(data.train)
        self._feed = feed
        self._step = Step(
            model, made, feed, data.scaling, config, self.steps_per_epoch, strategy, self._counter, self.jit
        )
        # `VAE.fit` may have no validation split; the training loss then stands in its place.
        self._validation = (
            Evaluation(model, data.validation, data.scaling, config, self.jit) if len(data.validation) else None
        )
        self._checkpoints = (
            Checkpoints(run.checkpoints, model, made, self._counter, self._reporter.say) if run else None
        )
        self.history: list[dict[str, Any]] = []
        self.seconds, self.timed_steps, self._calls, self._begun = 0.0, 0, 0, 0.0
        # What the host must remember besides the variables: part of every checkpoint.
        self._notes: dict[str, Any] = {"best": None, "best_epoch": 0, "sums": None, "seconds": 0.0}

    def resume(self) -> int:
        """Puts the newest whole checkpoint back; gives the steps that it had done, 0 where there is none."""
        if self._checkpoints is None or self._run is None:
            raise UserError("resume: want a run folder to resume from.")
        self._notes = self._checkpoints.restore() or self._notes
        done = int(self._counter.numpy()) // self.steps_per_epoch
        # Lines of epochs after the checkpoint are from the run that was cut off, and are made again.
        self.history = [line for line in self._run.metrics() if line["epoch"] <= done]
        self._run.write_metrics(self.history)
        return int(self._counter.numpy())

    def run(self, epoch_end: EpochEnd | None = None) -> None:
        """Trains from where it stands to the end, and puts the best weights in place.

        Args:
          epoch_end: called with the epoch and its metrics.

        Raises:
          Stopped: Ctrl-C or SIGTERM came; the checkpoint is written.
          UserError: the loss is not finite, or a checkpoint cannot be written.
        """
        start = int(self._counter.numpy())
        self._begun = time.perf_counter() - self._notes["seconds"]
        with StopRequest() as stop:
            for epoch in range(start // self.steps_per_epoch, self._config.training.epochs):
                if self._patience_is_over(epoch):
                    self._reporter.last_epoch()
                    self._reporter.say(
                        f"early stopping: no better validation loss since epoch {self._notes['best_epoch']}."
                    )
                    break
                begun, done = time.perf_counter(), int(self._counter.numpy()) % self.steps_per_epoch
                self._train_epoch(epoch, done, stop)
                rate = (self.steps_per_epoch - done) * self._batch / (time.perf_counter() - begun)
                self._end_epoch(epoch, rate, epoch_end)
                if stop.number is not None:
                    self._stop(stop.number)
        self._reporter.last_epoch()
        if self._checkpoints:
            self._checkpoints.restore_best()

    @property
    def elapsed(self) -> float:
        """Wall-clock seconds of training, over all the processes that took part."""
        return float(self._notes["seconds"])

    @property
    def best_epoch(self) -> int:
        """The epoch whose validation loss was the lowest, counted from 1."""
        return int(self._notes["best_epoch"])

    def evaluate(self, split: Split) -> dict[str, np.ndarray]:
        """Mean of each term over a split, with the weights in place, in nats; and the squared error of each value."""
        evaluation = Evaluation(self._model, split, self._data.scaling, self._config, self.jit, squared_error=True)
        return evaluation(self._full_weight())

    def _train_epoch(self, epoch: int, done: int, stop: StopRequest) -> None:
        order = pipeline.order(self._config.seed, epoch, self._examples)
        indices = order[: self.steps_per_epoch * self._batch].reshape(self.steps_per_epoch, self._batch)
        for elements in self._feed.calls(indices[done:], self._config.training.steps_per_call):
            begun = time.perf_counter()
            records = self._step(elements).numpy()
            self._count(time.perf_counter() - begun, len(records))
            self._check_finite(records)
            sums = self._notes["sums"]
            for record in records:  # one by one, so that a resumed sum rounds as one never stopped
                sums = record if sums is None else np.asarray(sums) + record
            self._notes["sums"] = sums.tolist()
            self._reporter.progress(int(self._counter.numpy()) / self.steps_per_epoch)
            # With all its steps done an epoch is ended first: a checkpoint between the two would lose its metrics.
            if stop.number is not None and int(self._counter.numpy()) % self.steps_per_epoch:
                self._stop(stop.number)

    def _end_epoch(self, epoch: int, rate: float, epoch_end: EpochEnd | None) -> None:
        train = self._step.layout.unpack(np.asarray(self._notes["sums"]) / self.steps_per_epoch)
        validation = self._validation(self._full_weight()) if self._validation else None
        loss = float((validation or train)["loss"])
        if not np.isfinite(loss):
            self._not_finite("validation loss", int(self._counter.numpy()), validation or train)
        line: dict[str, Any] = {
            "epoch": epoch + 1,
            "step": int(self._counter.numpy()),
            "train": {**plain(train), "examples_per_second": round(rate, 1)},
            "validation": plain(validation) if validation else {},
        }
        self._notes.update(sums=None, seconds=time.perf_counter() - self._begun)
        self.history.append(line)
        if self._run:
            self._run.append_metrics(line)
        if self._notes["best"] is None or loss < self._notes["best"]:
            self._notes.update(best=loss, best_epoch=epoch + 1)
            if self._checkpoints:
                self._checkpoints.save_best()
        if self._checkpoints:
            self._checkpoints.save(self._notes)
        self._reporter.epoch(line)
        if epoch_end:
            epoch_end(epoch + 1, line)

    def _full_weight(self) -> Schedule:
        # Validation is judged by the final weight and capacity, so that its losses compare over a warm-up.
        return Schedule(self._config.objective.kl_weight, self._config.objective.capacity or 0.0)

    def _patience_is_over(self, epoch: int) -> bool:
        patience = self._config.training.early_stopping
        return (
            patience is not None and self._notes["best"] is not None and epoch - self._notes["best_epoch"] >= patience
        )

    def _count(self, seconds: float, steps: int) -> None:
        self._calls += 1
        if self._calls > 2:
            self.seconds, self.timed_steps = self.seconds + seconds, self.timed_steps + steps

    def _check_finite(self, records: np.ndarray) -> None:
        bad = np.flatnonzero(~np.isfinite(records).all(axis=1))
        if not len(bad):
            return
        step = int(self._counter.numpy()) - len(records) + int(bad[0]) + 1
        self._not_finite("loss", step, self._step.layout.unpack(records[bad[0]]))

    def _not_finite(self, what: str, step: int, values: dict[str, np.ndarray]) -> NoReturn:
        terms = ", ".join(f"{name} {float(v):.4g}" for name, v in values.items() if v.ndim == 0)
        last = self._checkpoints.last if self._checkpoints else None
        kept = f"the last good checkpoint is {last}" if last else "no checkpoint was written yet"
        raise UserError(
            f"the {what} is not finite at step {step} ({terms}); {kept}. "
            "Try a smaller training.learning_rate, or training.clip_norm=1."
        )

    def _stop(self, number: int) -> None:
        self._notes["seconds"] = time.perf_counter() - self._begun
        if self._checkpoints:
            path = self._checkpoints.save(self._notes)
            self._reporter.say(f"stopping: checkpoint {path} is written; --resume goes on from it.")
        raise Stopped(number)


def plain(terms: dict[str, np.ndarray]) -> dict[str, Any]:
    """Averages as JSON takes them, with the active units in place of the moments that count them."""
    moments = terms["z_mean"], terms["z_mean_square"]
    shown = {name: value.tolist() for name, value in terms.items() if not name.startswith("z_mean")}
    return {**shown, "active_units": metrics.active_units(*moments)}
