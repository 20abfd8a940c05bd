"""The training loop: epochs of compiled calls, validation, checkpoints. A checkpoint has all the state to resume it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np
import tensorflow as tf

from tfvae.config import Config
from tfvae.data.splits import DataSet, Split
from tfvae.engine import averages, trainer
from tfvae.engine.batches import Batches
from tfvae.engine.checkpoints import Checkpoints
from tfvae.engine.clock import Clock
from tfvae.engine.cluster import workers
from tfvae.engine.evaluation import Evaluation
from tfvae.engine.journal import Journal
from tfvae.engine.nonfinite import EpochSums, NonFinite, scalars
from tfvae.engine.outputs import Outputs, Reporter, RunFolder
from tfvae.engine.plan import Plan, Start, check_shares, steps_per_epoch
from tfvae.engine.profile import Profile
from tfvae.engine.signals import Stopped, StopRequest
from tfvae.engine.step import Step
from tfvae.engine.strategy import use_jit, use_jit_loop
from tfvae.errors import UserError
from tfvae.models.trained import Trained, range_of

EpochBegin = Callable[[int], None]
EpochEnd = Callable[[int, dict[str, Any]], bool | None]


class _Interrupted(Exception):  # noqa: N818 - a request, not an error
    """A validation was interrupted; resuming repeats it."""


class Loop:
    """Trains a model on a data set.

    Args:
      model: a `LatentModel`, created in the strategy's scope; a compiled one is trained with its own optimizers.
      data: splits, scaling and condition.
      config: all settings of the run.
      strategy: the distribution strategy.
      outputs: run folder, reporter and profile; None: nothing is saved or printed.

    Attributes:
      trainers: a trainer for each objective.
      clock: steps, and the time in and between compiled calls.
      steps_per_epoch: steps per epoch; a last partial batch is dropped.
      jit: whether gradients are compiled with XLA.

    Raises:
      UserError: a setting does not fit the data, the model or the strategy.
    """

    def __init__(
        self,
        model: Any,
        data: DataSet,
        config: Config,
        strategy: tf.distribute.Strategy,
        outputs: Outputs | None = None,
    ) -> None:
        outputs = outputs or Outputs()
        self._model, self._data, self._config, self._strategy = model, data, config, strategy
        self._run, self._reporter, self._place = outputs.run, outputs.reporter, workers.place(strategy)
        self._start, self._epochs = Start(), config.training.epochs
        training, replicas = config.training, strategy.num_replicas_in_sync
        self.steps_per_epoch = steps_per_epoch(training, len(data.train))
        check_shares(training, replicas, model.group)
        self._report_ignored()
        self.jit, jit_loop = use_jit(training, model), use_jit_loop(training, model)
        self._plan = Plan(
            training.batch_size, training.accumulation, replicas, self.steps_per_epoch, self.jit, jit_loop
        )
        self._batches = Batches.of(data.train, data, config)
        with strategy.scope():
            self.trainers = trainer.from_settings(model, training, self.steps_per_epoch)
            self._step = Step(self.trainers, model.schedule, self._batches, self._plan, strategy)
            self._counter = self._step.counter
            self._checkpoints = self._make_checkpoints(self._run) if self._run else None
        # `VAE.fit` may have no validation split; the training loss is then used instead.
        self._validation = self._evaluation(data.validation) if len(data.validation) else None
        self.clock = Clock(training.steps_per_call)
        self._profile = Profile(self._run.tensorboard if self._run and self._place.chief else None, outputs.profile)
        self._journal = Journal.of(model, training.early_stopping, self._run)
        self._sums = EpochSums(self._step.layout)

    def resume(self) -> int:
        """Restores the newest intact checkpoint; returns the number of steps done, 0 if there is no checkpoint."""
        if self._checkpoints is None or self._run is None:
            raise UserError("resume: needs a run folder to resume from.")
        self._sums = EpochSums(self._step.layout, self._journal.restore(self._checkpoints.restore()))
        # Before anything is written: writing can remove a checkpoint that another worker is still reading.
        workers.require_same(self._strategy, {"step to resume from": self._steps_done})
        if self._place.chief:
            self._run.write_metrics(self.history)
        return self._steps_done

    def replace(self, data: DataSet) -> None:
        """Trains on other examples: as many, of the same shape and type, in what was compiled for these."""
        self._data = data
        self._batches.replace(data.train)
        if self._validation:
            self._validation.replace(data.validation)

    def start(self, start: Start, epochs: int, reporter: Reporter) -> None:
        """Prepares another training of the same model, which uses what was compiled for the last one.

        Args:
          start: where it starts.
          epochs: number of the epoch that it ends before, counted from 0.
          reporter: output for the user.
        """
        self._reporter, self._start, self._epochs = reporter, start, epochs
        self._counter.assign(start.step)
        self._journal = Journal.of(self._model, self._config.training.early_stopping, self._run, start.epoch)
        self._sums = EpochSums(self._step.layout)

    def release(self) -> None:
        """Frees the memory of the examples, until `replace` gives others."""
        self._batches.release()
        if self._validation:
            self._validation.release()

    def run(self, epoch_end: EpochEnd | None = None, epoch_begin: EpochBegin = lambda epoch: None) -> None:
        """Trains from the current step to the end, then restores the best weights.

        Args:
          epoch_end: called with the number of epochs done and the metrics of the last; true: the training ends.
          epoch_begin: called with the number of epochs done.

        Raises:
          Stopped: after Ctrl-C or SIGTERM; the checkpoint is written.
          UserError: the loss is not finite, or a checkpoint cannot be written.
        """
        self._journal.begin()
        start, per_epoch = self._start, self.steps_per_epoch
        indices = self._batches.indices(
            self._plan, self._place, self._steps_done - start.step, self._epochs - start.epoch, start.order
        )
        calls = contextlib.closing(self._batches.feed.calls(indices, self._steps_per_call))
        with self._remembering(), StopRequest() as stop, self._profile, self.clock.running(), calls as elements:
            for epoch in range(self._journal.ended, self._epochs):
                if self._journal.patience_is_over:
                    self._reporter.last_epoch()
                    self._reporter.say(f"early stopping: {self._journal.why_it_ends}.")
                    break
                epoch_begin(epoch)
                begun, before = time.perf_counter(), self._steps_done
                end = start.step + (epoch + 1 - start.epoch) * per_epoch
                self._train_epoch(end, elements, stop)
                rate = (end - before) * self._plan.batch_size / (time.perf_counter() - begun)
                ends = self._end_epoch(epoch, rate, stop, epoch_end)
                self._stop_if_asked(stop)
                if ends:
                    break
        self._reporter.last_epoch()
        if self._checkpoints:
            self._save()
            self._checkpoints.restore_best()
        else:
            averages.put(self.trainers)

    @property
    def history(self) -> list[dict[str, Any]]:
        """The metrics of each epoch, as `metrics.jsonl` has them."""
        return self._journal.history

    @property
    def elapsed(self) -> float:
        """Wall-clock seconds of training, summed over the processes of a resumed run."""
        return self._journal.seconds

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights are kept, counted from 1."""
        return self._journal.best_epoch

    def evaluate(self, split: Split) -> dict[str, np.ndarray]:
        """Mean of each term over a split, with the current weights, in nats; and the model's `test_terms`."""
        return self._evaluation(split, test=True)()

    @property
    def _steps_done(self) -> int:
        return int(self._counter.numpy())

    @property
    def _steps_begun(self) -> int:
        """Steps done since the start."""
        return self._steps_done - self._start.step

    @contextlib.contextmanager
    def _remembering(self) -> Iterator[None]:
        """Lets the model remember how far it is trained, however the block ends."""
        self._range = range_of(self._data.train, self._data.scaling)
        try:
            yield
        finally:
            self._remember()

    def _remember(self) -> None:
        orders = self._start.order + -(-self._steps_begun // self.steps_per_epoch)
        self._model.trained = Trained(self._steps_done, orders, *self._range)

    def _evaluation(self, split: Split, test: bool = False) -> Evaluation:
        return Evaluation(self._model, Batches.of(split, self._data, self._config), self._plan, self._strategy, test)

    def _make_checkpoints(self, run: RunFolder) -> Checkpoints:
        state, say = trainer.state(self.trainers), self._reporter.say
        return Checkpoints(run.checkpoints, self._model, self._counter, state, say, self._place.chief)

    def _report_ignored(self) -> None:
        training = self._config.training
        if dropped := len(self._data.train) % training.batch_size:
            self._reporter.say(f"each epoch drops the {dropped} examples of its last partial batch.")
        if training.early_stopping and self._model.judged_by is None:
            self._reporter.say(
                "early stopping is ignored: this model has no term to compare epochs by, so all epochs are trained."
            )

    def _train_epoch(self, end: int, elements: Iterator[Any], stop: StopRequest) -> None:
        while self._steps_done < end:
            element = next(elements)
            count = len(tf.nest.flatten(element)[0])
            with self._profile.call(count), self.clock.call(count):
                records = self._step(element).numpy()
            try:
                self._sums.add(records, self._steps_done)
            except NonFinite as error:
                self._fail_nonfinite(str(error))
            self._reporter.progress(self._start.epoch + self._steps_begun / self.steps_per_epoch)
            self._stop_if_asked(stop)
            self._save_if_due()

    def _steps_per_call(self) -> int:
        steps = int(workers.of_chief(self._strategy, self._profile.at_most(self.clock.steps_per_call())))
        return min(steps, self.steps_per_epoch - self._steps_begun % self.steps_per_epoch)

    def _save_if_due(self) -> None:
        if self._checkpoints and workers.of_chief(self._strategy, self._checkpoints.due):
            self._save()

    def _save(self) -> str:
        assert self._checkpoints is not None
        return self._checkpoints.save(self._journal.notes(self._sums.to_dict()))

    def _validate(self, train: dict[str, np.ndarray], stop: StopRequest) -> tuple[dict[str, np.ndarray] | None, bool]:
        """The validation means with the weights that would be saved, and whether they are the best so far."""
        validation = None
        with averages.in_place(self.trainers):
            if self._validation:
                with self.clock.evaluation():
                    validation = self._validation(lambda: self._interrupt_if_asked(stop))
            means = validation or train
            value = self._journal.value(means)
            if not np.isfinite([value, float(means["loss"])]).all():
                self._fail_nonfinite(f"the validation loss is not finite at step {self._steps_done} ({scalars(means)})")
            best = self._journal.is_best(value)
            if best and self._checkpoints:
                self._checkpoints.keep_best()
        return validation, best

    def _end_epoch(self, epoch: int, rate: float, stop: StopRequest, epoch_end: EpochEnd | None) -> bool:
        """Validates and reports; returns whether the training ends after this epoch."""
        train = self._sums.means()
        if "loss" not in train:
            self._fail_nonfinite(f"no step of epoch {epoch + 1} was finite")
        try:
            validation, best = self._validate(train, stop)
        except _Interrupted:
            self._stop_if_asked(stop)
            raise
        line: dict[str, Any] = {
            "epoch": epoch + 1,
            "step": self._steps_done,
            "train": {**self._model.summarise(train), "examples_per_second": round(rate, 1)},
            "validation": self._model.summarise(validation) if validation else {},
        }
        self._sums = self._sums.next_epoch()
        self._journal.end_epoch(line, best, writes=self._place.chief)
        self._reporter.epoch(line)
        self._remember()  # before a callback can save the model
        ends = bool(epoch_end and epoch_end(epoch + 1, line))
        self._save_if_due()  # last: after a kill before this line the epoch's end is simply repeated
        return ends

    def _fail_nonfinite(self, problem: str) -> NoReturn:
        last = self._checkpoints.last if self._checkpoints else None
        saved = f"the last good checkpoint is {last}" if last else "no checkpoint was written yet"
        raise UserError(f"{problem}; {saved}. Try a smaller training.learning_rate, or training.clip_norm=1.")

    def _interrupt_if_asked(self, stop: StopRequest) -> None:
        # If one of several workers left a validation, the others would wait for its part.
        if stop.number is not None and self._place.replicas == self._strategy.num_replicas_in_sync:
            raise _Interrupted

    def _stop_if_asked(self, stop: StopRequest) -> None:
        # A signal to one worker stops all of them after the same call.
        number = int(workers.gather(self._strategy, stop.number or 0).max())
        if not number:
            return
        if self._checkpoints:
            self._reporter.say(f"stopping: checkpoint {self._save()} is written; --resume continues from it.")
        raise Stopped(number)
