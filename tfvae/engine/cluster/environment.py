"""Reads from TF_CONFIG or SLURM which processes train together. Does not import TensorFlow."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from tfvae.config import Training
from tfvae.engine.cluster import slurm
from tfvae.errors import UserError

joined = False  # whether this process has joined a TensorFlow cluster


@dataclass(frozen=True)
class Cluster:
    """The workers, and the index of this process.

    Attributes:
      workers: `host:port` of each; the first is the chief, which writes the files.
      index: of this process.
    """

    workers: tuple[str, ...]
    index: int


def from_environment(environment: Mapping[str, str]) -> Cluster:
    """The cluster of TF_CONFIG, else of the SLURM step.

    Raises:
      UserError: neither is set, or the one that is set cannot be read.

    Example:
      >>> from_environment({"TF_CONFIG": '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"index": 1}}'})
      Cluster(workers=('a:1', 'b:1'), index=1)
    """
    if "TF_CONFIG" in environment:
        return _from_tf_config(environment["TF_CONFIG"])
    if "SLURM_JOB_ID" in environment:
        return Cluster(*slurm.workers(environment))
    raise UserError(
        "--strategy multiworker: neither TF_CONFIG nor SLURM names the workers; set for each worker "
        'TF_CONFIG=\'{"cluster": {"worker": ["host1:12345", "host2:12345"]}, "task": {"type": "worker", "index": 0}}\' '
        "with its own index, or start them with srun."
    )


def is_chief(settings: Training) -> bool:
    """Whether this process writes files and prints; raises as `from_environment` does."""
    return settings.strategy != "multiworker" or from_environment(os.environ).index == 0


def leave(status: int) -> NoReturn:
    """Ends the process with this status; a process in a cluster exits at once, without cleanup.

    TensorFlow's own shutdown would wait forever for workers that are gone.
    """
    if joined:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def _from_tf_config(text: str) -> Cluster:
    try:
        config = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"TF_CONFIG: it is not JSON ({error}).") from None
    jobs = config.get("cluster") if isinstance(config, dict) else None
    if not isinstance(jobs, dict) or not jobs:
        raise UserError('TF_CONFIG: got no cluster, expected {"cluster": {"worker": ["host:port", …]}, "task": {…}}.')
    if other := set(jobs) - {"chief", "worker"}:
        raise UserError(
            f"TF_CONFIG: got the job {', '.join(sorted(other))} in its cluster, expected worker, or chief and worker."
        )
    for job, addresses in jobs.items():
        if not isinstance(addresses, list):
            raise UserError(f"TF_CONFIG: got {addresses!r} for its job {job}, expected a list of host:port.")
    # The chief is the first worker: it trains like the others, and also writes.
    workers = [(job, index, address) for job in ("chief", "worker") for index, address in enumerate(jobs.get(job, []))]
    for _, _, address in workers:
        if not isinstance(address, str) or not re.fullmatch(r".+:\d+", address) or _port(address) > 65535:
            raise UserError(f"TF_CONFIG: got the address {address!r}, expected host:port, with a port up to 65535.")
    task: Any = config.get("task")
    task = task if isinstance(task, dict) else {}
    own_task = task.get("type", "worker"), _integer(task.get("index"))
    tasks = [(job, index) for job, index, _ in workers]
    if own_task not in tasks:
        raise UserError(
            f"TF_CONFIG: got the task {own_task[0]} {task.get('index')}, expected one of its cluster: "
            f"{', '.join(f'{job} {index}' for job, index in tasks)}."
        )
    return Cluster(tuple(address for _, _, address in workers), tasks.index(own_task))


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def _integer(value: Any) -> int | None:
    # A shell that fills in the index may leave it as a string.
    return int(value) if re.fullmatch(r"\d+", str(value)) else None
