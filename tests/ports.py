"""Ports for tests that start servers."""

from __future__ import annotations

import contextlib
import os
import random
import socket


def free(count: int) -> list[int]:
    """Ports that nobody listens on, from a range of this pytest worker alone.

    The kernel's own choice could be given to another process between this call and the server's start; these ports lie
    below those that Linux chooses from (32,768), and two workers have no port in common.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first, size = 10_000 + 2_000 * (worker % 10), 2_000
    found: list[int] = []
    for port in random.SystemRandom().sample(range(first, first + size), size):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
        if len(found) == count:
            return found
    raise OSError(f"fewer than {count} of the ports {first} to {first + size - 1} are free")
