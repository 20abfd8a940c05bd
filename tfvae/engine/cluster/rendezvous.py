"""The workers meet at the chief's address before TensorFlow starts, which would wait forever and ignore signals."""

from __future__ import annotations

import contextlib
import socket
import time

from tfvae.engine.cluster.environment import Cluster
from tfvae.errors import UserError

# A cluster may take this long to start its last worker, or to restart one that was lost.
WAIT_SECONDS = 600.0

_PAUSE, _ANSWER = 0.2, 5.0  # seconds between two attempts, and to wait for a line


def meet(cluster: Cluster) -> None:
    """Waits until all workers have connected.

    Raises:
      UserError: a worker did not connect in time, or has another cluster configuration.
    """
    if len(cluster.workers) > 1:
        (_gather if cluster.index == 0 else _report)(cluster, time.monotonic() + WAIT_SECONDS)


def _gather(cluster: Cluster, deadline: float) -> None:
    address = cluster.workers[0]
    connected: dict[int, socket.socket] = {}
    try:
        server = socket.create_server(("", int(address.rpartition(":")[2])))
    except OSError as error:
        raise UserError(f"{address}: the chief cannot listen there ({error.strerror}); use a free port.") from None
    with server, contextlib.ExitStack() as open_sockets:
        while len(connected) < len(cluster.workers) - 1:
            server.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                caller, _ = server.accept()
            except TimeoutError:
                missing = [f"{i} ({at})" for i, at in enumerate(cluster.workers) if i and i not in connected]
                raise UserError(_timed_out(f"worker {', '.join(missing)} did not connect to {address}")) from None
            open_sockets.enter_context(caller)
            index = _index(_line(caller), cluster)
            if index is not None:  # None: a port scan or a health probe
                connected[index] = caller
        for caller in connected.values():
            with contextlib.suppress(OSError):
                caller.sendall(b"go\n")
                _line(caller)  # the worker must close first, so that the port is free at once


def _report(cluster: Cluster, deadline: float) -> None:
    host, _, port = cluster.workers[0].rpartition(":")
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), _ANSWER) as chief:
            chief.sendall(_hello(cluster.index, cluster).encode() + b"\n")
            chief.settimeout(max(0.01, deadline - time.monotonic()))
            if _line(chief, None) == "go":
                return
        time.sleep(_PAUSE)
    raise UserError(_timed_out(f"the chief at {cluster.workers[0]} did not answer, or did not hear from all workers,"))


def _timed_out(problem: str) -> str:
    return (
        f"{problem} within {WAIT_SECONDS:.0f} s; check that every worker runs with the same cluster, and that the "
        "workers can reach each other over the network."
    )


def _hello(index: int, cluster: Cluster) -> str:
    return f"tfvae {index} {','.join(cluster.workers)}"


def _index(line: str, cluster: Cluster) -> int | None:
    name, _, rest = line.partition(" ")
    index, _, workers = rest.partition(" ")
    if name != "tfvae" or not index.isdecimal() or not 0 < int(index) < 100_000:
        return None
    if line != _hello(int(index), cluster) or int(index) >= len(cluster.workers):
        raise UserError(
            f"worker {index} has the workers {workers}, the chief has {','.join(cluster.workers)}; "
            "give all of them the same cluster."
        )
    return int(index)


def _line(caller: socket.socket, timeout: float | None = _ANSWER) -> str:
    """One line from the other side; empty if none arrives."""
    if timeout is not None:
        caller.settimeout(timeout)
    line = b""
    with contextlib.suppress(OSError):
        while not line.endswith(b"\n") and len(line) < 2**20 and (chunk := caller.recv(4096)):
            line += chunk
    return line.decode(errors="replace").strip()
