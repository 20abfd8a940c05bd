"""The loop: epochs of compiled calls, validation, checkpoints. Whatever it needs to go on stands in a checkpoint."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import keras
import numpy as np
import tensorflow as tf

from tfvae.config import Config
from tfvae.data import pipeline
from tfvae.data.splits import DataSet, Split
from tfvae.engine import averages, optimizers
from tfvae.engine.checkpoints import Checkpoints
from tfvae.engine.clock import Clock
from tfvae.engine.cluster import workers
from tfvae.engine.evaluation import Evaluation
from tfvae.engine.nonfinite import EpochSums, NonFinite
from tfvae.engine.precision import LossScale, needs_scaling
from tfvae.engine.profile import Profile
from tfvae.engine.signals import Stopped, StopRequest
from tfvae.engine.step import Step, Update
from tfvae.engine.strategy import check_shares, use_jit, use_jit_loop
from tfvae.errors import UserError
from tfvae.objectives.loss import Schedule
from tfvae.runs.folder import Run
from tfvae.runs.progress import Reporter

EpochEnd = Callable[[int, dict[str, Any]], None]


class _Interrupted(Exception):  # noqa: N818 - a request that is met outside
    """A validation is left, to be made anew by the run that goes on."""


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
      profile: steps to write a TensorBoard profile of, after those that compile; 0: none.

    Attributes:
      history: the metrics of each epoch, as `metrics.jsonl` has them.
      clock: steps, and the time in and between compiled calls.
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
        profile: int = 0,
    ) -> None:
        self._model, self._data, self._config, self._run, self._strategy = model, data, config, run, strategy
        self._reporter = reporter or Reporter(config.training.epochs, quiet=True)
        self._place = workers.place(strategy)
        self._batch, self._examples = config.training.batch_size, len(data.train)
        self.steps_per_epoch = self._examples // self._batch
        self._check_sizes()
        with strategy.scope():
            self._counter = tf.Variable(
                0, dtype=tf.int64, trainable=False, aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA
            )
            goals = model.objectives()
            made = [optimizer] if optimizer else []
            made += [optimizers.from_settings(config.training, self.steps_per_epoch) for _ in goals[len(made) :]]
            for each, goal in zip(made, goals):
                optimizers.prepare(each, goal.variables)
            scales = [LossScale() if needs_scaling(model) else None for _ in goals]
            self._averaged = [(each, goal.variables) for each, goal in zip(made, goals)]
            self._checkpoints = (
                Checkpoints(
                    run.checkpoints, model, self._counter, [made, scales], self._reporter.say, self._place.chief
                )
                if run
                else None
            )
        self.jit = use_jit(config.training, model)
        skip = config.training.on_nonfinite == "skip"
        updates = [Update(each, scale, skip or scale is not None) for each, scale in zip(made, scales)]
        self._feed = pipeline.feed(data.train)
        self._step = Step(
            model,
            updates,
            self._feed,
            data.scaling,
            config,
            self.steps_per_epoch,
            strategy,
            self._counter,
            self.jit,
            use_jit_loop(config.training, model),
        )
        # `VAE.fit` may have no validation split; the training loss then stands in its place.
        self._validation = self._evaluation(data.validation) if len(data.validation) else None
        self.clock = Clock(config.training.steps_per_call)
        self._profile = Profile(run.tensorboard if run and self._place.chief else None, profile)
        self.history: list[dict[str, Any]] = []
        self._sums, self._begun = EpochSums(self._step.layout), 0.0
        # What the host must remember besides the variables: part of every checkpoint.
        self._notes: dict[str, Any] = {"best": None, "best_epoch": 0, "ended": 0, "sums": None, "seconds": 0.0}

    def resume(self) -> int:
        """Puts the newest whole checkpoint back; gives the steps that it had done, 0 where there is none."""
        if self._checkpoints is None or self._run is None:
            raise UserError("resume: want a run folder to resume from.")
        self._notes = self._checkpoints.restore() or self._notes
        self._sums = EpochSums(self._step.layout, self._notes["sums"])
        # Lines of epochs after the checkpoint are from the run that was cut off, and are made again.
        self.history = [line for line in self._run.metrics() if line["epoch"] <= self._notes["ended"]]
        # Before anything is written, which could take a checkpoint away that another worker still reads.
        workers.require_same(self._strategy, {"step to go on from": self._steps_done})
        if self._place.chief:
            self._run.write_metrics(self.history)
        return self._steps_done

    def run(self, epoch_end: EpochEnd | None = None) -> None:
        """Trains from where it stands to the end, and puts the best weights in place.

        Args:
          epoch_end: called with the epoch and its metrics.

        Raises:
          Stopped: Ctrl-C or SIGTERM came; the checkpoint is written.
          UserError: the loss is not finite, or a checkpoint cannot be written.
        """
        self._begun = time.perf_counter() - self._notes["seconds"]
        calls = contextlib.closing(self._feed.calls(self._batches(), self._steps_per_call))
        with StopRequest() as stop, self._profile, self.clock.running(), calls as elements:
            for epoch in range(self._notes["ended"], self._config.training.epochs):
                if self._patience_is_over(epoch):
                    self._reporter.last_epoch()
                    self._reporter.say(
                        f"early stopping: no better validation loss since epoch {self._notes['best_epoch']}."
                    )
                    break
                begun, done = time.perf_counter(), self._steps_done - epoch * self.steps_per_epoch
                self._train_epoch((epoch + 1) * self.steps_per_epoch, elements, stop)
                rate = (self.steps_per_epoch - done) * self._batch / (time.perf_counter() - begun)
                self._end_epoch(epoch, rate, stop, epoch_end)
                self._stop_if_asked(stop)
        self._reporter.last_epoch()
        if self._checkpoints:
            self._save()
            self._checkpoints.restore_best()
        else:
            averages.put(self._averaged)

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
        return self._evaluation(split, squared_error=True)(self._full_weight())

    @property
    def _steps_done(self) -> int:
        return int(self._counter.numpy())

    def _evaluation(self, split: Split, squared_error: bool = False) -> Evaluation:
        return Evaluation(self._model, split, self._data.scaling, self._config, self.jit, self._strategy, squared_error)

    def _check_sizes(self) -> None:
        if self.steps_per_epoch == 0:
            raise UserError(
                f"training.batch_size: got {self._batch}, want at most the {self._examples} training examples."
            )
        check_shares(self._config.training, self._strategy)
        if dropped := self._examples % self._batch:
            self._reporter.say(f"each epoch drops the {dropped} examples of its last partial batch.")

    def _batches(self) -> Iterator[np.ndarray]:
        """This worker's part of every batch to come, over all epochs: read ahead while an epoch is judged."""
        share = self._batch // self._strategy.num_replicas_in_sync
        mine = slice(self._place.first_replica * share, (self._place.first_replica + self._place.replicas) * share)
        epoch, done = divmod(self._steps_done, self.steps_per_epoch)
        for each in range(epoch, self._config.training.epochs):
            order = pipeline.order(self._config.seed, each, self._examples)
            indices = order[: self.steps_per_epoch * self._batch].reshape(self.steps_per_epoch, self._batch)
            yield from indices[done if each == epoch else 0 :, mine]

    def _train_epoch(self, end: int, elements: Iterator[Any], stop: StopRequest) -> None:
        while self._steps_done < end:
            element = next(elements)
            count = len(tf.nest.flatten(element)[0])
            with self._profile.call(count), self.clock.call(count):
                records = self._step(element).numpy()
            try:
                self._sums.add(records, self._steps_done)
            except NonFinite as error:
                self._not_finite(str(error))
            self._reporter.progress(self._steps_done / self.steps_per_epoch)
            self._stop_if_asked(stop)
            self._save_if_due()

    def _steps_per_call(self) -> int:
        # The chief's clock decides for all workers.
        wanted = int(self._chief_says(self._profile.at_most(self.clock.steps_per_call())))
        return min(wanted, self.steps_per_epoch - self._steps_done % self.steps_per_epoch)

    def _chief_says(self, value: float) -> float:
        return float(workers.sum_over_workers(self._strategy, np.array(value if self._place.chief else 0.0, np.float64)))

    def _save_if_due(self) -> None:
        if self._checkpoints and self._chief_says(self._checkpoints.due):
            self._save()

    def _save(self) -> str:
        assert self._checkpoints is not None
        self._notes["seconds"] = time.perf_counter() - self._begun
        return self._checkpoints.save({**self._notes, "sums": self._sums.to_dict()})

    def _judge(self, train: dict[str, np.ndarray], stop: StopRequest) -> tuple[dict[str, np.ndarray] | None, bool]:
        """The validation's means with the weights that are kept, and whether they are the best so far."""
        with averages.in_place(self._averaged):
            with self.clock.evaluation():
                validation = (
                    self._validation(self._full_weight(), lambda: self._interrupt_if_asked(stop))
                    if self._validation
                    else None
                )
            judged = validation or train
            loss = float(judged["loss"])
            if not np.isfinite(loss):
                terms = ", ".join(f"{name} {float(v):.4g}" for name, v in judged.items() if v.ndim == 0)
                self._not_finite(f"the validation loss is not finite at step {self._steps_done} ({terms})")
            better = self._notes["best"] is None or loss < self._notes["best"]
            if better:
                self._notes["best"] = loss
                if self._checkpoints:
                    self._checkpoints.keep_best()
        return validation, better

    def _end_epoch(self, epoch: int, rate: float, stop: StopRequest, epoch_end: EpochEnd | None) -> None:
        train = self._sums.means()
        if "loss" not in train:
            self._not_finite(f"no step of epoch {epoch + 1} was finite")
        try:
            validation, better = self._judge(train, stop)
        except _Interrupted:
            self._stop_if_asked(stop)
            raise
        line: dict[str, Any] = {
            "epoch": epoch + 1,
            "step": self._steps_done,
            "train": {**self._model.summarise(train), "examples_per_second": round(rate, 1)},
            "validation": self._model.summarise(validation) if validation else {},
        }
        if better:
            self._notes["best_epoch"] = epoch + 1
        self._notes["ended"] = epoch + 1
        self._sums = self._sums.next_epoch()
        self._notes["seconds"] = time.perf_counter() - self._begun
        self.history.append(line)
        if self._run and self._place.chief:
            self._run.append_metrics(line)
        self._reporter.epoch(line)
        if epoch_end:
            epoch_end(epoch + 1, line)
        self._save_if_due()  # last: what a kill cuts off before is made again

    def _full_weight(self) -> Schedule:
        # Validation is judged by the final weight and capacity, so that its losses compare over a warm-up.
        return self._model.schedule()

    def _patience_is_over(self, epoch: int) -> bool:
        patience = self._config.training.early_stopping
        return (
            patience is not None and self._notes["best"] is not None and epoch - self._notes["best_epoch"] >= patience
        )

    def _not_finite(self, what: str) -> NoReturn:
        last = self._checkpoints.last if self._checkpoints else None
        kept = f"the last good checkpoint is {last}" if last else "no checkpoint was written yet"
        raise UserError(f"{what}; {kept}. Try a smaller training.learning_rate, or training.clip_norm=1.")

    def _interrupt_if_asked(self, stop: StopRequest) -> None:
        # A worker that leaves a validation alone would leave the others waiting for its share.
        if stop.number is not None and self._place.replicas == self._strategy.num_replicas_in_sync:
            raise _Interrupted

    def _stop_if_asked(self, stop: StopRequest) -> None:
        # One worker is asked, and all stop after the same call.
        number = int(workers.gather(self._strategy, stop.number or 0).max())
        if not number:
            return
        if self._checkpoints:
            self._reporter.say(f"stopping: checkpoint {self._save()} is written; --resume goes on from it.")
        raise Stopped(number)
