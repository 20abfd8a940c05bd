"""What the engine takes from a model: objectives, each with a loss for every example, in nats."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import keras
import tensorflow as tf

from tfvae.data.batch import Batch
from tfvae.noise import Address

# Values of a model's schedules at one step by name, scalars evaluated in the graph.
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
    """What is minimised, and what to report, for each example.

    The engine minimises the mean of `total` over the global batch, plus each penalty's weight times its mean. Where
    `Batch.weight` is 0, the engine leaves an example out of the means of `total` and `terms`.

    Attributes:
      total: `[batch]`, nats.
      terms: name to `[batch]` or `[batch, n]`, averaged over the global batch.
      sums: name to any shape: additive statistics for `Objective.absorb`, summed over replicas and accumulated parts,
        divided by nothing, and not reported.
      penalties: name to a penalty; its mean is reported beside the terms.
    """

    total: tf.Tensor
    terms: dict[str, tf.Tensor]
    sums: Mapping[str, tf.Tensor] = _NONE
    penalties: Mapping[str, Penalty] = _NONE


class Objective(NamedTuple):
    """One loss, and the variables that it moves; a model has one or several.

    Attributes:
      name: in the names of metrics, and in `training.optimizers.NAME`.
      variables: what its optimizer moves.
      loss: of a batch, the address of its noise, the schedules' values, and whether it is training.
      main: the first, whose metrics keep bare names; those of the others are "name/term".
      state: variables that `absorb` changes; checkpointed, and put back where a step is skipped. For several replicas
        they are made with `aggregation="only_first_replica"`.
      absorb: takes the sums of the loss, reduced over all replicas, once a step, after all variables have moved.
      begins: the first step, counted from 0; before it nothing of its optimizer moves and nothing is absorbed.
    """

    name: str
    variables: Sequence[keras.Variable]
    loss: Callable[[Batch, Address, Schedule, bool], Loss]
    main: bool = True
    state: Sequence[tf.Variable | keras.Variable] = ()
    absorb: Callable[[Mapping[str, tf.Tensor]], None] | None = None
    begins: int = 0
