"""The benchmark of training: that it runs, compares like with like, and judges what it found."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import training
from benchmarks.peers import targets
from benchmarks.peers.competitor import Entrant, entrants
from benchmarks.peers.problem import BATCH, PROBLEMS
from benchmarks.peers.race import race
from benchmarks.peers.report import markdown


def row(name, group, rate, host_share=None):
    ratio = {"median": 100 / rate, "low": 90 / rate, "high": 110 / rate}
    return {
        "name": name,
        "group": group,
        "steps_per_second": {"median": rate, "low": rate, "high": rate},
        "compile_seconds": 1.0,
        "times_as_long_as_tfvae": ratio,
        "losses": [500.0, 400.0],
        "host_share": host_share,
    }


def problem(*rivals):
    rows = [row("tfvae", "tfvae", 100.0, 0.01), *rivals]
    return {"name": "mlp", "title": "MLP", "steps": 4, "rounds": 3, "rows": rows, "not_run": {"JAX, scan": "gone"}}


def test_judged_against_the_fastest_of_each_group():
    rivals = [row("slow", "fit", 10.0), row("fast", "fit", 80.0), row("eager", "PyTorch", 50.0)]
    jax, torch, fit, host = targets.judge([problem(*rivals)])
    assert (jax["came"], jax["verdict"]) == ("none", "did not run")
    assert (torch["against"], torch["verdict"]) == ("the best of PyTorch (eager)", "aim reached")
    assert (fit["against"], fit["came"], fit["verdict"]) == (
        "the best of fit (fast)",
        "1.25x [1.12, 1.38]",
        "missed",
    )
    assert (host["came"], host["verdict"]) == ("1.00%", "reached")


def test_every_target_speaks_of_competitors_that_there_are():
    for target in targets.TARGETS:
        groups = {entrant.group for entrant in entrants(PROBLEMS[target.problem].family)}
        assert set(target.groups) <= groups


def test_the_page_names_who_did_not_run():
    facts = {"cpu": "x", "cores": 2, "memory_bytes": 2**30, "system": "y", "versions": {"python": "3"}}
    results = {"date": "today", "quick": True, "threads": 2, "batch": BATCH, "machine": facts}
    page = markdown({**results, "problems": [problem()], "targets": targets.judge([problem()])})
    assert "- JAX, scan did not run: gone" in page
    assert "| tfvae | 100.0 [100.0, 100.0] | 1.00" in page
    assert "measure nothing" in page


def test_without_data_it_says_so(tmp_path, capsys):
    assert training.main(["--data", str(tmp_path), "--out", str(tmp_path)]) == 2
    assert "no mnist.npz in" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_race_of_two_and_one_who_is_not_there(tmp_path):
    steps, rounds = 3, 2
    # Learnable within few steps: every image is the same.
    image = np.random.default_rng(0).integers(0, 2, [28, 28], np.uint8) * np.uint8(255)
    np.save(tmp_path / "x.npy", np.broadcast_to(image, [steps * BATCH, 28, 28]))
    here = [each for each in entrants("mlp") if each.name in ("tfvae", "fit, as it comes")]
    absent = Entrant("nobody", "JAX", "nowhere", "x")
    found = race("mlp", [*here, absent], str(tmp_path / "x.npy"), steps, rounds, threads=1)
    assert [each["name"] for each in found["rows"]] == ["tfvae", "fit, as it comes"]
    assert "nowhere" in found["not_run"]["nobody"]
    for each in found["rows"]:
        assert each["losses"][-1] < 0.9 * each["losses"][0]
        assert len(each["losses"]) == rounds + 2
    own, other = (each["losses"][0] for each in found["rows"])
    assert own == pytest.approx(other, rel=0.1)  # the same networks and learning rate
    assert 0 <= found["rows"][0]["host_share"] < 1
    json.dumps(found)
