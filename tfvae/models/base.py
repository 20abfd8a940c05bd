"""The base class of models: their interface to the engine, the pictures, the exported files and Keras."""

from __future__ import annotations

import copy
import dataclasses
import json
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
from tfvae.models.signatures import Signature
from tfvae.models.terms import Terms
from tfvae.models.trainable import Trainable
from tfvae.models.trained import Trained
from tfvae.networks import given
from tfvae.objectives.loss import Objective, Schedule

_FACTS = "facts of tfvae"


class LatentModel(Trainable):
    """The base of model families.

    A family names its `parts` (Keras objects that its constructor accepts under the same names), and defines
    `objectives`, `terms`, `schedule` and `signatures`. Saving and loading are implemented here, compiling and fitting
    in `Trainable`.

    Args:
      scaling: between the user's units and model units; None: they are the same.
      name: of the model.

    Attributes:
      parts: names of the parts that are saved with the model.
      judged_by: the validation term that selects the best epoch and decides about early stopping; None: the last
        weights are kept.
      group: consecutive examples of the global batch over which batch statistics are computed; None: it computes none.
      trained: how far the weights are trained, and on which values.
    """

    parts: ClassVar[tuple[str, ...]] = ()
    judged_by: ClassVar[str | None] = "loss"
    group: int | None = None

    def __init__(self, *, scaling: Scaling | None = None, name: str | None = None) -> None:
        super().__init__(name=name)
        self.scaling = Scaling.identity() if scaling is None else scaling
        self.trained = Trained()

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

    def facts(self) -> dict[str, Any]:
        """What the weights mean nothing without, as plain values: `save_weights` writes it beside them."""
        return {"scaling": self.scaling.to_dict(), "trained": dataclasses.asdict(self.trained)}

    def set_facts(self, facts: Mapping[str, Any]) -> None:
        """Takes what `facts` of another model returned; `load_weights` calls it."""
        self.scaling = Scaling.from_dict(facts["scaling"])
        self.trained = Trained(**facts["trained"])

    def save_own_variables(self, store: Any) -> None:
        super().save_own_variables(store)
        store[_FACTS] = np.frombuffer(json.dumps(self.facts()).encode(), np.uint8)

    def load_own_variables(self, store: Any) -> None:
        super().load_own_variables({name: store[name] for name in store.keys() if name != _FACTS})  # noqa: SIM118
        if _FACTS in store.keys():  # noqa: SIM118 - files of version 0.1.0 have none
            self.set_facts(json.loads(bytes(np.asarray(store[_FACTS]))))

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> LatentModel:
        """The model of `get_config`, with initial weights; a file of an earlier version may lack parts."""
        values = copy.deepcopy(config)  # Keras modifies what it deserialises
        for name in cls.parts:
            if name in values:
                values[name] = keras.saving.deserialize_keras_object(values[name], custom_objects=custom_objects)
        values["scaling"] = Scaling.from_dict(values["scaling"])
        with given.saved():
            return cls(**values)
