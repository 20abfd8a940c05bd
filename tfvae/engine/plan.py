"""How a global batch is shared out over replicas and cut into parts, and what of a step XLA compiles."""

from __future__ import annotations

from dataclasses import dataclass

from tfvae.config import Training
from tfvae.errors import UserError


@dataclass(frozen=True)
class Plan:
    """How steps are taken.

    Attributes:
      batch_size: examples of the global batch.
      accumulation: parts into which each replica cuts its share, one after the other.
      replicas: how many share the batch.
      steps_per_epoch: what the schedules count in.
      jit: compile gradients and evaluation with XLA.
      jit_loop: compile the loop over steps with it, where no strategy stands in the way and the examples are in memory.
    """

    batch_size: int
    accumulation: int = 1
    replicas: int = 1
    steps_per_epoch: int = 1
    jit: bool = False
    jit_loop: bool = False

    @property
    def share(self) -> int:
        """Examples that a replica takes of a batch."""
        return self.batch_size // self.replicas


def steps_per_epoch(settings: Training, examples: int) -> int:
    """Whole batches of the training examples.

    Raises:
      UserError: there are fewer examples than one batch takes.
    """
    if examples < settings.batch_size:
        raise UserError(
            f"training.batch_size: got {settings.batch_size}, want at most the {examples} training examples."
        )
    return examples // settings.batch_size


def check_shares(settings: Training, replicas: int, group: int | None = None) -> None:
    """Checks that a batch can be shared out over replicas, each share into parts, and each part into groups.

    Args:
      settings: batch size and accumulation.
      replicas: how many share a batch.
      group: examples over which the model takes its statistics; None: it takes none.

    Raises:
      UserError: it cannot.
    """
    batch, parts = settings.batch_size, settings.accumulation
    share, rest = divmod(batch, replicas)
    if rest:
        raise UserError(f"training.batch_size: got {batch}, want a multiple of the {replicas} replicas.")
    if share % parts:
        raise UserError(
            f"training.accumulation: got {parts}, want a divisor of the {share} examples that each replica takes of a "
            "batch."
        )
    if group is None:
        return
    if group < 2:
        raise UserError(f"objective.group: got {group}, want at least 2 examples, of which to take statistics.")
    part = share // parts
    if part % group:
        smallest = replicas * parts * group
        raise UserError(
            f"training.batch_size: the model takes statistics over groups of {group} examples, and each replica takes "
            f"{part} of a batch of {batch} at a time, which is no multiple of {group}; set "
            f"{_that_work(share, parts, group, -(-batch // smallest) * smallest)}."
        )


def _that_work(share: int, parts: int, group: int, batch: int) -> str:
    """Settings that work, each by itself."""
    found = [f"training.batch_size={batch}"]
    found += [f"training.accumulation={n}" for n in range(parts - 1, 0, -1) if share % (n * group) == 0][:1]
    found += [f"objective.group={n}" for n in range(group - 1, 1, -1) if share // parts % n == 0][:1]
    return " or ".join(found)
