"""The interface from a model to the engine: objectives, each with a loss per example, in nats."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import keras
import tensorflow as tf

from tfvae.data.batch import Batch
from tfvae.noise import Address

# Values of a model's schedules at one step, by name: scalars evaluated in the graph.
Schedule: TypeAlias = Mapping[str, tf.Tensor | float]

_NONE: Mapping[str, Any] = MappingProxyType({})


class Penalty(NamedTuple):
    """A statistic over groups of consecutive examples, and its weight in the loss.

    Attributes:
      value: `[batch]`, nats; each example carries the value of its group.
      counts: `[batch]`, 1 for the real examples of groups that count in the mean, else 0. In training no example is
        padding, and all count.
      weight: scalar factor in the loss.
    """

    value: tf.Tensor
    counts: tf.Tensor
    weight: tf.Tensor | float = 1.0


class Loss(NamedTuple):
    """The loss to minimise and the terms to report, per example.

    The engine minimises the mean of `total` over the global batch, plus each penalty's weight times its mean. Where
    `Batch.weight` is 0, the engine leaves an example out of the means of `total` and `terms`.

    Attributes:
      total: `[batch]`, nats.
      terms: name to `[batch]` or `[batch, n]`, averaged over the global batch.
      sums: name to any shape: additive statistics, summed over replicas and accumulated parts, neither averaged
        nor reported.
      penalties: name to a penalty; its mean is reported beside the terms.
    """

    total: tf.Tensor
    terms: dict[str, tf.Tensor]
    sums: Mapping[str, tf.Tensor] = _NONE
    penalties: Mapping[str, Penalty] = _NONE


class Objective(NamedTuple):
    """One loss and the variables that it trains; a model has one or several objectives.

    Attributes:
      name: used in the names of metrics, and in `training.optimizers.NAME`.
      variables: trained by its optimizer.
      loss: function of a batch, the address of its noise, the schedules' values, and whether this is training.
      main: metrics of the main objective, the first one, have no prefix; those of the others are "name/term".
      state: variables that `absorb` changes; they are checkpointed, and restored if a step is skipped. For several
        replicas they are made with `aggregation="only_first_replica"`.
      absorb: called once after each step with the sums of the loss, reduced over all replicas.
      begins: the first step in which it is trained, counted from 0; before it, its variables and optimizer do not
        change, and nothing is absorbed.
    """

    name: str
    variables: Sequence[keras.Variable]
    loss: Callable[[Batch, Address, Schedule, bool], Loss]
    main: bool = True
    state: Sequence[tf.Variable | keras.Variable] = ()
    absorb: Callable[[Mapping[str, tf.Tensor]], None] | None = None
    begins: int = 0

    @property
    def prefix(self) -> str:
        """Prefix of the names of its metrics."""
        return "" if self.main else f"{self.name}/"
