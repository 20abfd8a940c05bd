"""How a global batch is divided into replicas and micro-batches, and which part of a step XLA compiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tfvae.config import Training
from tfvae.errors import UserError


class Start(NamedTuple):
    """Where a training starts, if it continues an earlier one whose weights the model has.

    Attributes:
      step: steps done before.
      order: epochs whose orders of the examples were used before.
      epoch: number of the first epoch, counted from 0.
    """

    step: int = 0
    order: int = 0
    epoch: int = 0


@dataclass(frozen=True)
class Plan:
    """How a step is executed.

    Attributes:
      batch_size: examples of the global batch.
      accumulation: micro-batches per replica, processed one after the other.
      replicas: number of replicas.
      steps_per_epoch: converts the schedules from epochs to steps.
      jit: compile gradients and evaluation with XLA.
      jit_loop: compile the loop over steps with XLA too, if there is no strategy and the examples are in memory.
    """

    batch_size: int
    accumulation: int = 1
    replicas: int = 1
    steps_per_epoch: int = 1
    jit: bool = False
    jit_loop: bool = False

    @property
    def share(self) -> int:
        """Examples per replica."""
        return self.batch_size // self.replicas


def steps_per_epoch(settings: Training, examples: int) -> int:
    """Number of full batches of training examples.

    Raises:
      UserError: there are fewer examples than a batch needs.
    """
    if examples < settings.batch_size:
        raise UserError(
            f"training.batch_size: got {settings.batch_size}, expected at most the {examples} training examples."
        )
    return examples // settings.batch_size


def check_shares(settings: Training, replicas: int, group: int | None = None) -> None:
    """Checks that a batch divides evenly into replicas, each share into micro-batches, and these into groups.

    Args:
      settings: batch size and accumulation.
      replicas: number of replicas.
      group: examples over which the model computes batch statistics; None: it computes none.

    Raises:
      UserError: it does not.
    """
    batch, parts = settings.batch_size, settings.accumulation
    share, rest = divmod(batch, replicas)
    if rest:
        raise UserError(f"training.batch_size: got {batch}, expected a multiple of the {replicas} replicas.")
    if share % parts:
        raise UserError(
            f"training.accumulation: got {parts}, expected a divisor of the {share} examples that each replica has per "
            "batch."
        )
    if group is None:
        return
    if group < 2:
        raise UserError(f"objective.group: got {group}, expected at least 2 examples for batch statistics.")
    part = share // parts
    if part % group:
        smallest = replicas * parts * group
        raise UserError(
            f"training.batch_size: the model computes statistics over groups of {group} examples, but each replica "
            f"processes {part} of a batch of {batch} at a time, which is not a multiple of {group}; set "
            f"{_alternatives(share, parts, group, -(-batch // smallest) * smallest)}."
        )


def _alternatives(share: int, parts: int, group: int, batch: int) -> str:
    """Settings that would work, each on its own."""
    found = [f"training.batch_size={batch}"]
    found += [f"training.accumulation={n}" for n in range(parts - 1, 0, -1) if share % (n * group) == 0][:1]
    found += [f"objective.group={n}" for n in range(group - 1, 1, -1) if share // parts % n == 0][:1]
    return " or ".join(found)
