"""`tfvae.engine.cluster.workers`: errors that name workers; `test_multiworker.py` runs two real ones."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import tensorflow as tf

from tfvae.engine.cluster import workers
from tfvae.errors import UserError


@pytest.fixture
def second(monkeypatch, settings):
    """The settings of the second of three workers."""
    task = {"cluster": {"worker": ["a:1", "b:1", "c:1"]}, "task": {"type": "worker", "index": 1}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(task))
    return settings("training.strategy=multiworker").training


def test_a_process_alone_is_the_chief(two_replicas, settings):
    for strategy, replicas in [(tf.distribute.get_strategy(), 1), (two_replicas, 2)]:
        assert workers.place(strategy) == (0, replicas, True)
        assert workers.sum_over_workers(strategy, np.array([2.0, 3.0])).tolist() == [2.0, 3.0]
        assert workers.gather(strategy, 7).tolist() == [7.0]
        workers.require_same(strategy, {"step": 7})
    with workers.worker_errors(settings().training) as writes:
        assert writes


def test_an_error_names_its_worker(second):
    with workers.worker_errors(second) as writes:
        assert not writes
    with pytest.raises(UserError, match=r"^worker 1: the folder is not empty$"), workers.worker_errors(second):
        raise UserError("the folder is not empty")


@pytest.mark.parametrize(
    ("message", "who"),
    [
        (
            "aborted by: Error reported from /job:worker/task:1: unhealthy: /job:worker/replica:0/task:2",
            "worker 2 (c:1)",
        ),
        ("Connection reset by peer, remote target /job:worker/replica:0/task:0 while", "worker 0 (a:1)"),
        ("Socket closed", "another worker"),
    ],
)
def test_a_lost_worker_is_named(second, message, who):
    said = re.escape(f"worker 1: {who} was lost; check its log")
    with pytest.raises(UserError, match=said), workers.worker_errors(second):
        raise tf.errors.UnavailableError(None, None, message)


def test_who_does_not_agree_is_named(monkeypatch):
    monkeypatch.setattr(workers, "gather", lambda strategy, value: np.array([value, value, value + 1]))
    with pytest.raises(
        UserError, match="the data set of worker 2 differs from the chief's; start all workers with the same"
    ):
        workers.require_same(tf.distribute.get_strategy(), {"data set": "digits"})


def test_who_has_gone_at_the_end_must_have_ended_the_run(monkeypatch):
    def lost(strategy, values):
        raise tf.errors.UnavailableError(None, None, "Socket closed")

    monkeypatch.setattr(workers, "sum_over_workers", lost)
    workers.final_barrier(tf.distribute.get_strategy(), lambda: True)
    with pytest.raises(tf.errors.UnavailableError):
        workers.final_barrier(tf.distribute.get_strategy(), lambda: False)
