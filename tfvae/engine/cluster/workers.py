"""Which replicas this process runs, and how it compares and sums values with the other workers."""

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

# Raised by the collectives of the other workers when a worker is lost.
_LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.DeadlineExceededError)


class Place(NamedTuple):
    """The place of this process among the workers of a strategy.

    Attributes:
      first_replica: index of its first replica among all replicas.
      replicas: number of replicas that it runs.
      chief: whether this process writes the files.
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
    """The sum of an array over the workers, each counted once; bit-identical on every worker.

    Every worker must call it, and waits for the others.
    """
    if not _several(strategy):
        return values
    # `reduce` fails on a tensor without a device; the identity has one.
    result: np.ndarray = strategy.reduce(tf.distribute.ReduceOp.SUM, tf.identity(values), axis=None).numpy()
    return result


def gather(strategy: tf.distribute.Strategy, value: float) -> np.ndarray:
    """The values of all workers, float64 `[workers]`, on every worker; waits as `sum_over_workers` does."""
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
    """Waits for every worker at the very end; a worker may be missing only if the run is complete."""
    try:
        sum_over_workers(strategy, np.zeros([]))
    except _LOST:
        # The first worker to pass may exit before its message has reached the others.
        if not ended():
            raise


@contextlib.contextmanager
def worker_errors(settings: Training) -> Iterator[bool]:
    """Yields whether this process writes; errors inside the block name the worker that raised them or that was lost.

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
            f"worker {ours.index}: {who} was lost; check its log for the reason, then start all workers again with "
            "--resume."
        ) from error


def _several(strategy: tf.distribute.Strategy) -> bool:
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
