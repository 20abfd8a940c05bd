"""`tfvae.runs.report`: the printed summary, the schema, and the examples of the diagnosis."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tfvae.data import views
from tfvae.runs import report

TEST = {
    "elbo": -30.125,
    "reconstruction": -25.0,
    "kl": 5.125,
    "kl_per_dimension": [5.0, 0.125],
    "active_units": 1,
    "squared_error_per_value": 0.0321,
}
TERMS = {
    "elbo": {"label": "ELBO", "unit": "nats", "better": "higher", "digits": 2},
    "reconstruction": {"label": "reconstruction", "unit": "nats", "better": "higher", "digits": 2},
    "kl": {"label": "KL", "unit": "nats", "better": "", "digits": 2},
    "active_units": {"label": "active units", "unit": "of 2", "better": "higher", "digits": 0},
    "squared_error_per_value": {
        "label": "squared error",
        "unit": "a value, in model units",
        "better": "lower",
        "digits": 4,
    },
}
REPORT = {
    "test": TEST,
    "terms": TERMS,
    "test_examples": 1234,
    "test_samples": 5,
    "epochs": 20,
    "best_epoch": 18,
    "seconds": 61.25,
    "host_share": 0.0125,
    "skipped_steps": 0,
    "steps_per_second": 1234.5,
    "parameters": 567890,
    "diagnosis": [],
}


def test_the_summary():
    assert report.lines(REPORT) == [
        "  test ELBO       -30.12 nats (1,234 examples)",
        "  reconstruction  -25.00 nats",
        "  KL              5.12 nats",
        "  active units    1 of 2",
        "  squared error   0.0321 a value, in model units",
        "  time            61.2 s, 20 epochs, best 18",
        "  steps/s         1,234.5",
        "  parameters      567,890",
        "  host time       1.2 % of the loop was spent between compiled calls",
        "  diagnosis       nothing stands out",
    ]


def test_a_short_run_with_skipped_steps_and_a_finding():
    finding = {"name": "posterior collapse", "evidence": "0 of 2 units", "advice": "objective.free_bits=0.1"}
    changes = {"steps_per_second": None, "host_share": None, "skipped_steps": 2, "diagnosis": [finding]}
    lines = report.lines({**REPORT, **changes})
    assert "  steps/s         too short to measure" in lines
    assert "  skipped         2 steps with a loss or gradient that was not finite" in lines
    assert lines[-1] == "  posterior collapse: 0 of 2 units. Try objective.free_bits=0.1."


def test_terms_of_another_family_need_no_change_here():
    described = {"bits": {"label": "code length of an example", "unit": "bits", "better": "lower", "digits": 1}}
    lines = report.lines({**REPORT, "test": {"bits": 12.34}, "terms": described})
    assert lines[0] == "  test code length of an example 12.3 bits (1,234 examples)"
    assert lines[1].startswith("  time                           ")


def test_a_report_of_an_earlier_version_shows_plain_names():
    earlier = {name: value for name, value in REPORT.items() if name != "terms"}
    lines = report.lines(earlier)
    assert lines[0] == "  test elbo               -30.12 (1,234 examples)"
    assert not any("kl_per_dimension" in line for line in lines)


@pytest.fixture(scope="module")
def run(loop_for, settings, data_set):
    """A short run on dynamically binarised data under a seed other than 0: model, data, loop, settings."""
    data = data_set(binarize="dynamic", seed_of_run=5)
    made = settings("training.precision=float64", "data.binarize=dynamic", "seed=5", "objective.num_samples=3")
    loop, vae = loop_for(made, data)
    loop.run()
    return vae, data, loop


def test_the_report_of_a_loop(run, float64):
    vae, data, loop = run
    made = report.make(vae, data, loop, {"noise_version": 1})
    assert (made["epochs"], made["test_examples"], made["noise_version"]) == (3, 20, 1)
    assert 1 <= made["best_epoch"] <= 3
    assert made["parameters"] == sum(int(np.prod(w.shape)) for w in vae.get_weights())
    assert all(set(finding) == {"name", "evidence", "advice"} for finding in made["diagnosis"])
    lines = report.lines(made)
    assert lines[0].startswith("  test ELBO ")
    assert lines[1].startswith("  IWAE, K = 3 ")


def test_the_diagnosis_sees_the_binary_data_of_the_reported_elbo(run, float64, monkeypatch):
    vae, data, loop = run
    seen = []
    monkeypatch.setattr(report, "diagnose", lambda evidence: seen.append(evidence) or [])
    made = report.make(vae, data, loop, {})
    view = views.first(data, "test", dtype="float64")
    assert set(np.unique(view.x)) == {0.0, 1.0}
    # One sample per value; the report's bound has three, and so three draws of the reconstruction.
    error = np.square(view.x - vae.reconstruct(view.x).numpy()).mean()
    assert made["test"]["squared_error_per_value"] == pytest.approx(error, rel=1e-12)
    assert seen[0]["data_variance"] == pytest.approx(view.x.var(axis=0).mean(), rel=1e-6)


def test_the_schema_stands_in_the_docs(run, float64):
    vae, data, loop = run
    text = (Path(__file__).parents[2] / "docs" / "training.md").read_text()

    def documented(heading):
        section = text.split(f"### {heading}\n")[1].split("\n#")[0]
        return {
            name
            for row in re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE)
            for name in re.findall(r"`([^`]+)`", row)
        }

    made = json.loads(json.dumps(report.make(vae, data, loop, {})))
    of_the_run = {"preset", "noise_version", "versions", "latent", "examples", "fingerprint"}
    assert documented("report.json") == made.keys() | of_the_run | {f"test.{name}" for name in made["test"]}
    line = json.loads(json.dumps(loop.history[-1]))
    inner = line["train"].keys() | line["validation"].keys()
    assert documented("metrics.jsonl") == line.keys() | inner | {"skipped"}
    assert inner - {"examples_per_second", "gradient_norm", "kl_weight"} == line["validation"].keys()
