"""`tfvae.engine.cluster.rendezvous`: all workers connect, or a message names the missing ones."""

from __future__ import annotations

import contextlib
import re
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests import ports
from tfvae.engine.cluster import rendezvous
from tfvae.engine.cluster.environment import Cluster
from tfvae.errors import UserError


@pytest.fixture
def workers():
    """Addresses of three workers; the chief's port is free."""
    return f"127.0.0.1:{ports.free(1)[0]}", "b:1", "c:1"


@pytest.fixture
def meet():
    """Each meets in its own thread; returns their errors."""

    def run(*clusters, beside=lambda: None):
        with ThreadPoolExecutor(len(clusters)) as pool:
            asked = [pool.submit(rendezvous.meet, cluster) for cluster in clusters]
            beside()
            return [each.exception() for each in asked]

    return run


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(rendezvous, "WAIT_SECONDS", 1.0)


def test_all_meet_and_leave_the_port_free(meet, workers):
    for _ in range(2):
        assert meet(*(Cluster(workers, index) for index in (2, 0, 1))) == [None, None, None]
        socket.create_server(("127.0.0.1", int(workers[0].split(":")[1]))).close()


def test_one_worker_meets_nobody():
    rendezvous.meet(Cluster(("nowhere.invalid:1",), 0))


def test_a_stranger_does_not_count(meet, workers):
    def stranger():
        caller = None
        while caller is None:
            with contextlib.suppress(ConnectionRefusedError):
                caller = socket.create_connection(("127.0.0.1", int(workers[0].split(":")[1])))
        with caller:
            caller.sendall(b"GET / HTTP/1.1\r\n\r\n")

    assert meet(*(Cluster(workers, index) for index in range(3)), beside=stranger) == [None, None, None]


def test_who_did_not_come_is_named(meet, workers, impatient):
    chief, other = meet(Cluster(workers, 0), Cluster(workers, 2))
    assert isinstance(chief, UserError)
    assert f"worker 1 (b:1) did not connect to {workers[0]} within 1 s" in str(chief)
    assert f"the chief at {workers[0]} did not answer, or did not hear from all workers, within 1 s" in str(other)


def test_another_cluster_is_refused(meet, workers, impatient):
    chief, _ = meet(Cluster(workers, 0), Cluster((workers[0], "d:1"), 1))
    said = f"worker 1 has the workers {workers[0]},d:1, the chief has {','.join(workers)}; give all of them"
    assert said in str(chief)


def test_a_port_in_use_is_a_sentence():
    with socket.create_server(("", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(UserError, match=re.escape(f"{address}: the chief cannot listen there (Address already")):
            rendezvous.meet(Cluster((address, "b:1"), 0))
