"""Which replicas this process runs, and how it compares and adds values with the other workers."""

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


def sum_over_workers(strategy: tf.distribute.Strategy, values: np.ndarray) -> np.ndarray:
    """The sum of an array over the workers, each counted once; the same bits on every worker.

    Every worker must call it, and waits there for the others.
    """
    if not _several(strategy):
        return values
    # `reduce` fails on a tensor without a device; the identity has one.
    result: np.ndarray = strategy.reduce(tf.distribute.ReduceOp.SUM, tf.identity(values), axis=None).numpy()
    return result


def gather(strategy: tf.distribute.Strategy, value: float) -> np.ndarray:
    """The value of every worker, float64 `[workers]`, on all of them; waits as `sum_over_workers` does."""
    here = place(strategy)
    values = np.zeros(strategy.num_replicas_in_sync // here.replicas)
    values[here.first_replica // here.replicas] = value
    return sum_over_workers(strategy, values)


def of_chief(strategy: tf.distribute.Strategy, value: float) -> float:
    """The chief's value, on all workers; waits as `sum_over_workers` does."""
    return float(sum_over_workers(strategy, np.array(value if place(strategy).chief else 0.0, np.float64)))


def require_same(strategy: tf.distribute.Strategy, values: dict[str, Any]) -> None:
    """Checks that all workers have the same values, compared by their text.

    Raises:
      UserError: on all workers, names the value and the workers that differ from the chief.
    """
    for name, value in values.items():
        # A float64 holds 32 bits exactly.
        checksums = gather(strategy, zlib.crc32(repr(value).encode()))
        if len(others := np.flatnonzero(checksums != checksums[0])):
            raise UserError(
                f"the {name} of worker {', '.join(map(str, others))} differs from the chief's; start all workers with "
                "the same command line, the same data, and as --out the same folder of a shared file system."
            )


def final_barrier(strategy: tf.distribute.Strategy, ended: Callable[[], bool]) -> None:
    """Waits for every worker, as the last thing that all do; one may be missing only if the run has ended."""
    try:
        sum_over_workers(strategy, np.zeros([]))
    except _LOST:
        # The first worker to pass may exit before the others have heard from it.
        if not ended():
            raise


@contextlib.contextmanager
def worker_errors(settings: Training) -> Iterator[bool]:
    """Gives whether this process writes; inside, errors name the worker that raised them, or the one that was lost.

    Raises:
      UserError: there is no cluster, a worker was lost, or a UserError was raised inside.
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
