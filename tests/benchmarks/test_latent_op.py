"""The benchmark of the latent op: that it runs, compares like with like, and judges what it found."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf

from benchmarks import latent_op
from benchmarks.latent import bandwidth, cases, expressions, gpu, rows, targets, timing
from benchmarks.latent.cases import BOTH, FORWARD, Case
from benchmarks.latent.providers import Provider
from tfvae import native
from tfvae.errors import UserError


def test_everyone_takes_part_in_each_round_that_is_theirs():
    called = []
    calls = {name: lambda index, name=name: called.append((name, index)) for name in "ab"}
    seconds = timing.interleaved(calls, {"a": 3, "b": 1})
    assert sorted(called) == [("a", 0), ("a", 1), ("a", 2), ("b", 0)]
    assert {name: len(each) for name, each in seconds.items()} == {"a": 3, "b": 1}


def test_ratio_is_of_medians_with_quantiles_round_by_round():
    found = timing.ratio(np.array([2.0, 4.0, 6.0]), np.array([1.0, 2.0, 2.0]))
    assert found["median"] == 2.0
    assert (found["low"], found["high"]) == pytest.approx((2.0, 2.6))


def test_bytes_that_must_move():
    case = Case((10, 4), samples=3)
    assert case.bytes_to_move(FORWARD) == 4 * (40 + 40 + 120 + 10)
    assert case.bytes_to_move(BOTH) == case.bytes_to_move(FORWARD) + 4 * (40 + 40 + 120 + 10 + 40 + 40)
    assert gpu.bytes_to_move("both", 1280) == Case((10, 128)).bytes_to_move(BOTH)


def test_copies_something():
    rates = bandwidth.copy_bandwidth(2, 2**16, 3)
    assert rates.shape == (3,)
    assert (rates > 0).all()


@pytest.mark.parametrize("write", [expressions.straightforward, expressions.with_own_gradient])
def test_the_ways_of_writing_it_have_one_gradient(write):
    case = Case((3, 2, 4), samples=2)
    given, prior = cases.inputs(case), cases.prior(case)
    eps = tf.random.stateless_normal([2, *case.shape], [1, 2])
    expression = write(prior, case.samples, lambda shape, step: eps)
    with tf.GradientTape() as tape:
        tape.watch([given.mean, given.log_var])
        z, kl = expression(given.mean, given.log_var, tf.constant(0, tf.int64))
    d_mean, d_log_var = tape.gradient([z, kl], [given.mean, given.log_var], [given.d_z, given.d_kl])
    weight = given.d_kl[:, None, None]
    spread = tf.reduce_sum(given.d_z * eps, 0) * tf.exp(0.5 * given.log_var)
    np.testing.assert_allclose(d_mean, tf.reduce_sum(given.d_z, 0) + weight * given.mean, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(d_log_var, 0.5 * (spread + weight * tf.math.expm1(given.log_var)), rtol=1e-5, atol=1e-5)


def test_a_rival_that_computes_something_else_is_refused(monkeypatch):
    def provider(name, factor):
        return Provider(name, "plain", "eager", lambda given, step: (given.mean, factor * given.d_kl))

    monkeypatch.setattr(rows, "providers", lambda *_: [provider("one", 1.0), provider("other", 2.0)])
    with pytest.raises(UserError, match=r"other: kl is off by 1\.0e\+00"):
        rows.measure(Case((4, 2)), rounds=3, budget=0.1)


@pytest.mark.parametrize(
    ("value", "said"), [(8.0, "aim reached"), (4.0, "reached"), (3.9, "missed"), (None, "did not run")]
)
def test_verdicts(value, said):
    assert targets.verdict(value, 4.0, 8.0) == said


def test_every_target_speaks_of_a_case_that_is_timed():
    assert {target.case for target in targets.RATIOS} <= {case.name for case in cases.CASES}


@pytest.mark.usefixtures("library")
def test_the_code_for_a_gpu_runs_on_a_cpu():
    found = gpu.measure("tensorflow", "cpu", elements=1280, calls=2, rounds=2)
    assert [row["name"] for row in found["rows"]] == [
        "fused: forward",
        "fused: backward",
        "fused: both",
        "device: copy",
    ]
    assert all(row["bytes_per_second"] > 0 for row in found["rows"])


@pytest.mark.parametrize("framework", ["jax", "torch"])
def test_the_peers_on_a_cpu(framework):
    pytest.importorskip(framework)
    found = gpu.measure(framework, "cpu", elements=1280, calls=2, rounds=2)
    assert {row["name"].rpartition(": ")[2] for row in found["rows"]} >= {"forward", "both"}


def test_without_the_library_it_says_so(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(native, "available", lambda: (False, "it is not built; build it with `make native`"))
    assert latent_op.main(["--quick", "--out", str(tmp_path)]) == 2
    assert "tfvae: there is nothing to time: it is not built; build it" in capsys.readouterr().err


@pytest.mark.usefixtures("library")
@pytest.mark.slow
def test_a_quick_run_writes_both_files(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cases, "QUICK", cases.QUICK[:1])
    assert latent_op.main(["--quick", "--out", str(tmp_path)]) == 0
    results = json.loads((tmp_path / "latent_op.json").read_text())
    assert results["quick"]
    assert {row["mode"] for row in results["timings"]} == {FORWARD, BOTH}
    page = (tmp_path / "latent_op.md").read_text()
    for row in results["timings"]:
        assert f"## {row['case']}, {row['mode']}" in page
        assert all(each["name"] in page for each in row["providers"])
    assert "missed" in page or "reached" in page
    assert "Written:" in capsys.readouterr().out
