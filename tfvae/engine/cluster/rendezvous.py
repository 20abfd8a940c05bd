"""The workers meet at the chief's address before TensorFlow starts, which would wait for ever, deaf to signals."""

from __future__ import annotations

import contextlib
import socket
import time

from tfvae.engine.cluster.environment import Cluster
from tfvae.errors import UserError

# As long as a cluster may take to place its last worker, or to start again one that was lost.
WAIT_SECONDS = 600.0

_PAUSE, _ANSWER = 0.2, 5.0  # seconds between two tries, and for a line that is on its way


def meet(cluster: Cluster) -> None:
    """Returns when all workers are there.

    Raises:
      UserError: some did not come in time, or their cluster is another.
    """
    if len(cluster.workers) > 1:
        (_gather if cluster.index == 0 else _report)(cluster, time.monotonic() + WAIT_SECONDS)


def _gather(cluster: Cluster, deadline: float) -> None:
    address = cluster.workers[0]
    there: dict[int, socket.socket] = {}
    try:
        server = socket.create_server(("", int(address.rpartition(":")[2])))
    except OSError as error:
        raise UserError(f"{address}: the chief cannot listen there ({error.strerror}); give it a free port.") from None
    with server, contextlib.ExitStack() as held:
        while len(there) < len(cluster.workers) - 1:
            server.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                caller, _ = server.accept()
            except TimeoutError:
                missing = [f"{i} ({at})" for i, at in enumerate(cluster.workers) if i and i not in there]
                raise UserError(_late(f"worker {', '.join(missing)} did not come to {address}")) from None
            held.enter_context(caller)
            index = _index(_line(caller), cluster)
            if index is not None:  # else a port scan, or a health probe
                there[index] = caller
        for caller in there.values():
            with contextlib.suppress(OSError):
                caller.sendall(b"go\n")
                _line(caller)  # it hangs up first, so that the port is free at once


def _report(cluster: Cluster, deadline: float) -> None:
    host, _, port = cluster.workers[0].rpartition(":")
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), _ANSWER) as chief:
            chief.sendall(_hello(cluster.index, cluster).encode() + b"\n")
            chief.settimeout(max(0.01, deadline - time.monotonic()))
            if _line(chief, None) == "go":
                return
        time.sleep(_PAUSE)
    raise UserError(_late(f"the chief does not answer at {cluster.workers[0]}, or waits there for others"))


def _late(what: str) -> str:
    return (
        f"{what} within {WAIT_SECONDS:.0f} s; look whether every worker runs with the same cluster, and whether the "
        "network lets them reach each other."
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
            f"worker {index} believes the workers to be {workers}, the chief {','.join(cluster.workers)}; "
            "give all of them the same cluster."
        )
    return int(index)


def _line(caller: socket.socket, timeout: float | None = _ANSWER) -> str:
    """What the other side says up to the end of its line; nothing where it says nothing."""
    if timeout is not None:
        caller.settimeout(timeout)
    said = b""
    with contextlib.suppress(OSError):
        while not said.endswith(b"\n") and len(said) < 2**20 and (more := caller.recv(4096)):
            said += more
    return said.decode(errors="replace").strip()
