"""The base class of models: their interface to the engine, the pictures, the exported files and Keras."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from tfvae import config
from tfvae.data.batch import Batch
from tfvae.data.scaling import Scaling
from tfvae.data.splits import DataSet
from tfvae.errors import UserError
from tfvae.models import checks
from tfvae.models.signatures import Signature
from tfvae.models.terms import Terms
from tfvae.objectives.loss import Objective, Schedule


class LatentModel(keras.Model):
    """The base of model families.

    A family names its `parts` (Keras objects that its constructor accepts under the same names), and defines
    `objectives`, `terms`, `schedule` and `signatures`. Saving, loading, compiling and fitting are implemented here.

    Args:
      scaling: between the user's units and model units; None: they are the same.
      name: of the model.

    Attributes:
      parts: names of the parts that are saved with the model.
      judged_by: the validation term that selects the best epoch and decides about early stopping; None: the last
        weights are kept.
      group: consecutive examples of the global batch over which batch statistics are computed; None: it computes none.
    """

    parts: ClassVar[tuple[str, ...]] = ()
    judged_by: ClassVar[str | None] = "loss"
    group: int | None = None

    def __init__(self, *, scaling: Scaling | None = None, name: str | None = None) -> None:
        super().__init__(name=name)
        self.scaling = Scaling.identity() if scaling is None else scaling

    @classmethod
    def build(cls, recipe: config.Config, data: DataSet) -> LatentModel:
        """The model of a configuration for a data set, with initial weights; called by training from the command line.

        Raises:
          UserError: a setting does not fit another one or the data.
        """
        raise UserError(f"model.name: {cls.__name__} cannot be built from a configuration; implement its build method.")

    @property
    def scaling(self) -> Scaling:
        """Between the user's units and model units."""
        return self._scaling

    @scaling.setter
    def scaling(self, scaling: Scaling) -> None:
        self._scaling = scaling
        # Compiled calls hold the scaling that they were traced with.
        self._functions: dict[str, Callable[..., Any]] = {}

    @property
    def terms(self) -> Terms:
        """Label, unit and place of each figure that the losses report or that `summarise` computes from them."""
        raise NotImplementedError(f"{type(self).__name__} must describe its terms.")

    def objectives(self) -> list[Objective]:
        """What training minimises; the main objective first."""
        raise NotImplementedError(f"{type(self).__name__} must define its objectives.")

    def schedule(self, step: tf.Tensor | None = None, steps_per_epoch: int = 1) -> Schedule:
        """Values of the schedules at a step; without a step the final values, which validation uses."""
        return {}

    def test_terms(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Expensive terms `[batch]` that are computed only at the end of a run, on the test split."""
        return {}

    def summarise(self, means: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Mean terms as values for JSON; a family can compute figures from moments and counts here."""
        return {name: value.tolist() for name, value in means.items()}

    def signatures(self) -> list[Signature]:
        """The functions that an export writes; an empty list: nothing can be exported."""
        return []

    def arguments(self) -> dict[str, Any]:
        """The constructor's other arguments (not parts, scaling and name), as plain values."""
        return {}

    def get_config(self) -> dict[str, Any]:
        return {
            **{name: keras.saving.serialize_keras_object(getattr(self, name)) for name in self.parts},
            "scaling": self.scaling.to_dict(),
            **self.arguments(),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> LatentModel:
        """The model of `get_config`, with initial weights; a file of an earlier version may lack parts."""
        values = copy.deepcopy(config)  # Keras modifies what it deserialises
        for name in cls.parts:
            if name in values:
                values[name] = keras.saving.deserialize_keras_object(values[name], custom_objects=custom_objects)
        values["scaling"] = Scaling.from_dict(values["scaling"])
        return cls(**values)

    def compile(self, optimizer: Any = "adam", loss: Any = None, **kwargs: Any) -> None:
        """As in Keras, but without a loss: the objectives define it.

        Args:
          optimizer: one optimizer, or a dictionary by the names of the objectives.
          loss: must be None.
          **kwargs: as in Keras.

        Raises:
          UserError: a loss, or an optimizer for an unknown objective.
        """
        if loss is not None:
            raise UserError(
                f"compile: got loss={loss!r}; the loss of this model is its objective. Choose the likelihood, and set "
                "kl_weight and similar options, in the constructor."
            )
        self.optimizers: dict[str, Any] = {}
        if isinstance(optimizer, Mapping):
            main, *others = [objective.name for objective in self.objectives()]
            checks.optimizer_names(optimizer, [main, *others])
            self.optimizers = {name: keras.optimizers.get(optimizer[name]) for name in others if name in optimizer}
            optimizer = optimizer[main]
        super().compile(optimizer=optimizer, **kwargs)

    def get_compile_config(self) -> dict[str, Any] | None:
        # Keras stores a single optimizer, and fails on a dictionary.
        settings = super().get_compile_config()
        if settings and self.optimizers:
            others = {name: keras.saving.serialize_keras_object(value) for name, value in self.optimizers.items()}
            settings = {**settings, "optimizers": others}
        return settings

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles like the saved model; Keras does this itself only if `compile` is not overridden."""
        values = keras.saving.deserialize_keras_object(config)
        others = values.pop("optimizers", {})
        self.compile(**values)
        self.optimizers = others
        for objective in self.objectives():
            optimizer = self.optimizer if objective.main else others.get(objective.name)
            if optimizer is not None:
                optimizer.build(list(objective.variables))

    def fit(
        self,
        x: Any,
        y: Any = None,
        epochs: int = 1,
        batch_size: int = 128,
        validation_data: Any = None,
        *,
        seed: int = 0,
        verbose: int = 1,
        **training: Any,
    ) -> keras.callbacks.History:
        """Trains with tfvae's own loop.

        Args:
          x: `[n, …]`: integers in the user's units (uint8 images set the scaling), or floats in model units.
          y: labels `[n]` or attributes `[n, C]`, the condition of a conditional model; otherwise used for pictures.
          epochs: passes over the examples.
          batch_size: examples per step; a last partial batch is dropped.
          validation_data: x, or (x, y).
          seed: of the order and the noise only.
          verbose: 0 is silent.
          **training: `accumulation`, `clip_norm`, `early_stopping`, `jit`, `on_nonfinite`, `steps_per_call`; and, if
            `compile` was not called, `optimizer`, `learning_rate`, `learning_rate_schedule`, `learning_rate_warmup`,
            `weight_decay`, `ema`, `optimizers`, all as in `tfvae.config.Training`.

        Returns:
          A Keras `History`; its `history` has lists such as `loss`, `elbo`, `kl`, `val_elbo`, in nats per example.
        """
        from tfvae.runs.fit import fit  # here, because that module imports the models

        checks.fit_arguments(training, bool(self.compiled))
        settings = config.from_dict(
            config.Training, {**training, "epochs": epochs, "batch_size": batch_size}, "training"
        )
        return fit(self, x, y, validation_data, settings, seed, verbose)
