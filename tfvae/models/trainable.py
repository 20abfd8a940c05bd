"""Keras's own calls on a model: compile, fit and export, as Keras users expect them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from tfvae import config
from tfvae.errors import UserError
from tfvae.models import arguments
from tfvae.objectives.loss import Objective


class Trainable(keras.Model):
    """A Keras model that is trained by its objectives; the base of `LatentModel`.

    Attributes:
      optimizers: the optimizers of the objectives other than the main one, by name.
      chosen: what `fit` chose the optimizer by; None: `compile` was called.
      compiled_jit: `jit_compile` of `compile`: True, False or "auto".
      session: what the last `fit` compiled, for the next; None: nothing.
    """

    def __init__(self, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.optimizers: dict[str, Any] = {}
        self.chosen: dict[str, Any] | None = None
        self.compiled_jit: bool | str = "auto"
        self.session: Any = None

    def objectives(self) -> list[Objective]:
        """What training minimises; the main objective first."""
        raise NotImplementedError(f"{type(self).__name__} must define its objectives.")

    def compile(
        self,
        optimizer: Any = "adam",
        loss: Any = None,
        *,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
        **kwargs: Any,
    ) -> None:
        """As in Keras, but without a loss and metrics: the objectives define both.

        Args:
          optimizer: one optimizer, or a dictionary by the names of the objectives. A `LossScaleOptimizer` is taken off:
            the step scales the loss of float16 networks itself.
          loss: must be None.
          run_eagerly: must be False.
          steps_per_execution: must be 1; `steps_per_call` of `fit` is the same.
          jit_compile: compile the gradients with XLA; "auto": as `jit` of `fit` says.
          auto_scale_loss: ignored, since float16 networks always need it.
          **kwargs: refused by name.

        Raises:
          UserError: an argument that does not apply, or an optimizer for an unknown objective.
        """
        given = {"loss": loss, "run_eagerly": run_eagerly, "steps_per_execution": steps_per_execution, **kwargs}
        arguments.of_compile(given)
        self.optimizers, self.chosen, self.session, self.compiled_jit = {}, None, None, jit_compile
        if isinstance(optimizer, Mapping):
            main, *others = [objective.name for objective in self.objectives()]
            arguments.optimizer_names(optimizer, [main, *others])
            self.optimizers = {name: _inner(optimizer[name]) for name in others if name in optimizer}
            optimizer = optimizer[main]
        # The loop compiles, so Keras must not decide whether the model can be.
        super().compile(optimizer=_inner(optimizer), jit_compile=bool(jit_compile is True), auto_scale_loss=False)

    def get_compile_config(self) -> dict[str, Any] | None:
        # Keras stores a single optimizer, and fails on a dictionary.
        settings = super().get_compile_config()
        if not settings:
            return settings
        kept = {"optimizer": settings["optimizer"], "jit_compile": self.compiled_jit}
        if self.optimizers:
            kept["optimizers"] = {
                name: keras.saving.serialize_keras_object(value) for name, value in self.optimizers.items()
            }
        return kept if self.chosen is None else {**kept, "chosen": self.chosen}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles like the saved model; Keras does this itself only if `compile` is not overridden."""
        chosen = config.get("chosen")
        values = keras.saving.deserialize_keras_object({k: v for k, v in config.items() if k != "chosen"})
        others = values.get("optimizers", {})
        self.compile(optimizer=values["optimizer"], jit_compile=values.get("jit_compile", "auto"))
        self.optimizers, self.chosen = others, chosen
        for objective in self.objectives():
            optimizer = self.optimizer if objective.main else others.get(objective.name)
            if optimizer is not None:
                optimizer.build(list(objective.variables))

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Sequence[keras.callbacks.Callback] | keras.callbacks.CallbackList | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
        *,
        seed: int = 0,
        **training: Any,
    ) -> keras.callbacks.History:
        """Keras's `fit`, run by tfvae's loop. A call continues the one before: steps, schedules, noise, optimizer.

        Args:
          x: `[n, …]`: integers in the user's units (uint8 images set the scaling), or floats in model units. Or batches
            of equal size, x or (x, y), from a `tf.data.Dataset`, a `keras.utils.PyDataset` or another iterable: they
            are trained on in their order, and to repeat a training exactly is then up to them.
          y: labels `[n]` or attributes `[n, C]`, the condition of a conditional model; otherwise used for pictures.
          batch_size: examples per step, by default 128; of an array a last partial batch is dropped.
          epochs: number of the epoch that training ends before, counted from 0.
          verbose: 0 is silent.
          callbacks: epoch and train hooks are called, with Keras's log names. Batch and test hooks are not, because
            several steps run in one compiled call.
          validation_split: share of the examples, taken from the end of x, to validate on.
          validation_data: x, (x,) or (x, y), or batches.
          shuffle: must be True for arrays; the order of a `tf.data.Dataset` is kept.
          class_weight: must be None.
          sample_weight: must be None.
          initial_epoch: number of the first epoch.
          steps_per_epoch: batches per epoch, for batches without a known end.
          validation_steps: batches of `validation_data` to validate on.
          validation_batch_size: must be None; it would change no result.
          validation_freq: must be 1.
          seed: of the order and the noise only.
          **training: `accumulation`, `clip_norm`, `early_stopping`, `jit`, `on_nonfinite`, `steps_per_call`; and, if
            `compile` was not called, `optimizer`, `learning_rate`, `learning_rate_schedule` (default: constant; a decay
            covers the epochs of one call), `learning_rate_warmup`, `weight_decay`, `ema`, `optimizers`, all as in
            `tfvae.config.Training`.

        Returns:
          A Keras `History`; its `history` has lists such as `loss`, `elbo`, `kl`, `val_elbo`, in nats per example.

        Raises:
          UserError: an argument, the examples or the model do not fit; the model is then as it was.
        """
        from tfvae.runs import fit as fitting  # here, because it imports the models

        refused = {
            "shuffle": shuffle,
            "class_weight": class_weight,
            "sample_weight": sample_weight,
            "validation_batch_size": validation_batch_size,
            "validation_freq": validation_freq,
        }
        arguments.of_fit(refused, training, self.compiled and self.chosen is None)
        given = fitting.Given(x, y, batch_size, validation_data, validation_split, steps_per_epoch, validation_steps)
        settings = config.from_dict(
            config.Training,
            {"learning_rate_schedule": "constant", **training, "epochs": epochs},
            "training",
        )
        return fitting.fit(self, given, settings, initial_epoch, seed, verbose, callbacks)

    def export(self, filepath: Any, *args: Any, **kwargs: Any) -> None:
        """Refused: Keras would write the encoder's and decoder's outputs, without scaling, likelihood or noise.

        Raises:
          UserError: always; names the way to do it.
        """
        raise UserError(
            f"export: use tfvae.export.export(model, x_test, {str(filepath)!r}), which writes the files, compares each "
            "with the model on your examples, and describes them."
        )


def _inner(optimizer: Any) -> Any:
    optimizer = keras.optimizers.get(optimizer)
    return optimizer.inner_optimizer if isinstance(optimizer, keras.optimizers.LossScaleOptimizer) else optimizer
