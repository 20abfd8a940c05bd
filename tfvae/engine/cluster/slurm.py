"""The workers of a SLURM step, from the variables that it sets for each task.

TensorFlow's own resolver sorts hosts by name, so that n10 comes before n2, and fails without a GPU.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping

from tfvae.errors import UserError

# Below the ports that Linux uses for outgoing connections; two jobs on a node seldom get the same one.
_FIRST_PORT, _PORTS = 15000, 15000
_NEEDED = ("SLURM_PROCID", "SLURM_LOCALID", "SLURM_STEP_NODELIST", "SLURM_STEP_TASKS_PER_NODE")


def workers(environment: Mapping[str, str]) -> tuple[tuple[str, ...], int]:
    """`host:port` of every task, and the index of this process.

    Raises:
      UserError: it was not started by srun, or the tasks of a node are not numbered consecutively.
    """
    if missing := [name for name in _NEEDED if name not in environment]:
        raise UserError(f"SLURM: {', '.join(missing)} not set; start the workers of the job with srun.")
    hosts, counts = nodes(environment["SLURM_STEP_NODELIST"]), _counts(environment["SLURM_STEP_TASKS_PER_NODE"])
    index, local, job = (_number(environment[name]) for name in ("SLURM_PROCID", "SLURM_LOCALID", "SLURM_JOB_ID"))
    places = [(host, number) for host, count in zip(hosts, counts) for number in range(count)]
    if index is None or local is None or job is None or len(hosts) != len(counts) or index >= len(places):
        settings = ", ".join(f"{name}={environment[name]}" for name in _NEEDED)
        raise UserError(f"SLURM: its variables contradict each other ({settings}); start the workers with srun.")
    if places[index][1] != local:
        raise UserError("SLURM: the tasks of a node are not numbered consecutively; add --distribution=block to srun.")
    port = _FIRST_PORT + job % _PORTS
    return tuple(f"{host}:{port + number}" for host, number in places), index


def nodes(text: str) -> list[str]:
    """The hosts of a SLURM node list, in its order.

    Raises:
      UserError: it cannot be read.

    Example:
      >>> nodes("n[08-10,12],login")
      ['n08', 'n09', 'n10', 'n12', 'login']
    """
    one = r"[^,\[\]]|\[\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*\]"
    if not re.fullmatch(rf"({one})+(,({one})+)*", text):
        raise UserError(f"SLURM_STEP_NODELIST: got {text!r}, expected names such as n[1-4,7],m2.")
    return [host for entry in re.findall(rf"(?:{one})+", text) for host in _expanded(entry)]


def _expanded(entry: str) -> Iterator[str]:
    parts = re.findall(r"\[([\d,-]+)\]|([^\[\]]+)", entry)
    for chosen in itertools.product(*(_range(ranges) if ranges else [literal] for ranges, literal in parts)):
        yield "".join(chosen)


def _range(text: str) -> list[str]:
    found = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += [str(number).zfill(len(first)) for number in range(int(first), int(last or first) + 1)]
    return found


def _counts(text: str) -> list[int]:
    """The tasks of each node: "2(x3),1" is [2, 2, 2, 1]."""
    found = re.findall(r"(\d+)(?:\(x(\d+)\))?", text)
    return [int(count) for count, times in found for _ in range(int(times or 1))]


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None
