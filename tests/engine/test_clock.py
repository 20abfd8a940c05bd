"""`tfvae.engine.clock`: calls of about a second, and a correct host share."""

from __future__ import annotations

import pytest

from tfvae.engine import clock


@pytest.fixture
def now(monkeypatch):
    """A clock that tests advance."""
    time = [100.0]
    monkeypatch.setattr(clock.time, "perf_counter", lambda: time[0])
    return time


def calls(made, now, seconds_a_step, count):
    steps = []
    for _ in range(count):
        steps.append(made.steps_per_call())
        with made.call(steps[-1]):
            now[0] += seconds_a_step * steps[-1]
    return steps


def test_calls_grow_to_what_takes_a_second_and_shrink_with_the_machine(now):
    made = clock.Clock(None)
    assert calls(made, now, 0.01, 7) == [1, 1, 4, 16, 64, 99, 100]
    assert calls(made, now, 0.05, 3) == [100, 20, 20]
    assert calls(clock.Clock(None), now, 3.0, 3) == [1, 1, 1]
    assert max(calls(clock.Clock(None), now, 1e-6, 12)) == 4096


def test_a_number_of_the_user_stands(now):
    assert calls(clock.Clock(7), now, 2.0, 3) == [7, 7, 7]


def test_the_host_share_leaves_compilation_out(now):
    made = clock.Clock(1)
    with made.running():
        calls(made, now, 30.0, 1)  # compiles
        calls(made, now, 1.0, 15)
        for seconds in (20.0, 4.0):  # the first compiles
            with made.evaluation():
                now[0] += seconds
        now[0] += 1.0  # the host's
    now[0] += 50.0  # after the loop
    assert made.host_share == pytest.approx(1 / 20)
    assert (made.steps, made.seconds) == (15, pytest.approx(15.0))


def test_too_short_to_tell(now):
    made = clock.Clock(1)
    with made.running():
        calls(made, now, 1.0, 1)
    assert made.host_share is None
