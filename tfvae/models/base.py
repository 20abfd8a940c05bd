"""What every model is to the engine, the pictures, the files and Keras."""

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

    A family names its `parts` (Keras objects that its constructor takes under the same names), and gives `objectives`,
    `terms`, `schedule` and `signatures`. Saving, loading, compiling and fitting are written here, once.

    Args:
      scaling: between the user's units and model units; None: they are the same.
      name: of the model.

    Attributes:
      parts: names of what is saved with the model, part by part.
      judged_by: the validation term by which the best epoch is chosen and training ends early; None: the last weights
        are kept.
      group: consecutive examples of the global batch over which its statistics are taken; None: it takes none.
    """

    parts: ClassVar[tuple[str, ...]] = ()
    judged_by: ClassVar[str | None] = "loss"
    group: int | None = None

    def __init__(self, *, scaling: Scaling | None = None, name: str | None = None) -> None:
        super().__init__(name=name)
        self.scaling = Scaling.identity() if scaling is None else scaling

    @classmethod
    def build(cls, recipe: config.Config, data: DataSet) -> LatentModel:
        """The model of a configuration for a data set, with fresh weights; what training from the command line calls.

        Raises:
          UserError: settings that do not fit each other or the data.
        """
        raise UserError(f"model.name: {cls.__name__} cannot be built from a configuration; give it a method build.")

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
        """Label, unit and place of each figure that the losses report, or that `summarise` makes of them."""
        raise NotImplementedError(f"{type(self).__name__} must describe its terms.")

    def objectives(self) -> list[Objective]:
        """What training minimises; the main objective first."""
        raise NotImplementedError(f"{type(self).__name__} must give its objectives.")

    def schedule(self, step: tf.Tensor | None = None, steps_per_epoch: int = 1) -> Schedule:
        """Values of the schedules at a step; without one the final values, by which validation is judged."""
        return {}

    def test_terms(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Terms `[batch]` that are worth their time only at the end of a run, on the test split."""
        return {}

    def summarise(self, means: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Mean terms as JSON takes them; a family makes figures of moments and counts here."""
        return {name: value.tolist() for name, value in means.items()}

    def signatures(self) -> list[Signature]:
        """The functions that an export writes; none: nothing can be exported."""
        return []

    def arguments(self) -> dict[str, Any]:
        """What the constructor takes beside parts, scaling and name, as plain values."""
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
        """The model of `get_config`, with fresh weights; a file of an earlier version may lack parts."""
        values = copy.deepcopy(config)  # Keras takes apart what it deserialises
        for name in cls.parts:
            if name in values:
                values[name] = keras.saving.deserialize_keras_object(values[name], custom_objects=custom_objects)
        values["scaling"] = Scaling.from_dict(values["scaling"])
        return cls(**values)

    def compile(self, optimizer: Any = "adam", loss: Any = None, **kwargs: Any) -> None:
        """As Keras's, without a loss: the objectives are the loss.

        Args:
          optimizer: one, or a dictionary by the names of the objectives.
          loss: not taken.
          **kwargs: as Keras's.

        Raises:
          UserError: a loss was given, or an optimizer for an objective that there is not.
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
        # Keras keeps one optimizer, and fails on a dictionary.
        settings = super().get_compile_config()
        if settings and self.optimizers:
            others = {name: keras.saving.serialize_keras_object(each) for name, each in self.optimizers.items()}
            settings = {**settings, "optimizers": others}
        return settings

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles as the saved model was; Keras does this itself only where `compile` is its own."""
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
          x: `[n, …]`: integers in the user's units (images of uint8 set the scaling), or floating in model units.
          y: labels `[n]`, or attributes `[n, C]`: what a conditional model is conditioned on; else kept for pictures.
          epochs: passes over the examples.
          batch_size: examples a step; a last partial batch is dropped.
          validation_data: x, or (x, y).
          seed: of the order, the noise, and nothing else.
          verbose: 0 is silent.
          **training: `accumulation`, `clip_norm`, `early_stopping`, `jit`, `on_nonfinite`, `steps_per_call`; and, where
            `compile` was not called, `optimizer`, `learning_rate`, `learning_rate_schedule`, `learning_rate_warmup`,
            `weight_decay`, `ema`, `optimizers`, all as in `tfvae.config.Training`.

        Returns:
          A Keras `History`; its `history` has lists such as `loss`, `elbo`, `kl`, `val_elbo`, in nats an example.
        """
        from tfvae.runs.fit import fit  # the engine stands below the models in the layout, and imports them

        checks.fit_arguments(training, bool(self.compiled))
        settings = config.from_dict(
            config.Training, {**training, "epochs": epochs, "batch_size": batch_size}, "training"
        )
        return fit(self, x, y, validation_data, settings, seed, verbose)
