"""Which replicas this process runs, and what its fellow workers must know of each other."""

from __future__ import annotations

import contextlib
import os
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfvae.config import Training
from tfvae.engine.cluster import environment as cluster
from tfvae.errors import UserError

# What the collectives of the others raise when a worker has gone.
_LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.DeadlineExceededError)


class Place(NamedTuple):
    """Where this process stands among the workers of a strategy.

    Attributes:
      first_replica: number of its first replica among all.
      replicas: how many of them it runs.
      chief: whether it is the one that writes.
    """

    first_replica: int
    replicas: int
    chief: bool


def place(strategy: tf.distribute.Strategy) -> Place:
    """The place of this process."""
    if not _several(strategy):
        return Place(0, strategy.num_replicas_in_sync, True)
    index, replicas = strategy.cluster_resolver.task_id, len(strategy.extended.worker_devices)
    return Place(index * replicas, replicas, index == 0)


def total(strategy: tf.distribute.Strategy, values: np.ndarray) -> np.ndarray:
    """The sum of an array over the workers, each counted once; the same bits on every worker.

    Every worker must call it, and waits there for the others.
    """
    if not _several(strategy):
        return values
    # A tensor without a device has no workers to go to: hence the identity.
    result: np.ndarray = strategy.reduce(tf.distribute.ReduceOp.SUM, tf.identity(values), axis=None).numpy()
    return result


def each(strategy: tf.distribute.Strategy, value: float) -> np.ndarray:
    """The value of every worker, float64 `[workers]`, on all of them; as `total`, it waits."""
    here = place(strategy)
    values = np.zeros(strategy.num_replicas_in_sync // here.replicas)
    values[here.first_replica // here.replicas] = value
    return total(strategy, values)


def agree(strategy: tf.distribute.Strategy, facts: dict[str, Any]) -> None:
    """Sees that every worker has the same facts, by their text.

    Raises:
      UserError: on all workers, names those that differ from the chief, and in what.
    """
    for name, fact in facts.items():
        # 32 bits: a float64 holds them.
        values = each(strategy, zlib.crc32(repr(fact).encode()))
        if len(others := np.flatnonzero(values != values[0])):
            raise UserError(
                f"the {name} of worker {', '.join(map(str, others))} is not that of the chief; give all workers "
                "the same command line, the same data, and in --out the same folder of a shared file system."
            )


def part(strategy: tf.distribute.Strategy, ended: Callable[[], bool]) -> None:
    """Waits for every worker, as the last thing that all do; one may be missing only if the run has ended."""
    try:
        total(strategy, np.zeros([]))
    except _LOST:
        # Who is here first may go before the others have heard it.
        if not ended():
            raise


@contextlib.contextmanager
def explained(settings: Training) -> Iterator[bool]:
    """Gives whether this process writes. Inside, errors name the worker that they come from, or the one that was lost.

    Raises:
      UserError: there is no cluster, a worker was lost, or one was raised inside.
    """
    if settings.strategy != "multiworker":
        yield True
        return
    ours = cluster.from_environment(os.environ)
    try:
        yield ours.index == 0
    except UserError as error:
        raise UserError(f"worker {ours.index}: {error}") from error
    except _LOST as error:
        lost = sorted({int(n) for n in re.findall(r"/job:worker/replica:\d+/task:(\d+)", str(error))} - {ours.index})
        who = ", ".join(f"worker {n} ({ours.workers[n]})" for n in lost) or "another worker"
        raise UserError(
            f"worker {ours.index}: {who} was lost; look in its log for the reason, then start all workers again with "
            "--resume."
        ) from error


def _several(strategy: tf.distribute.Strategy) -> bool:
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
