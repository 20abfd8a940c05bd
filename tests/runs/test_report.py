"""`tfvae.runs.report`: the summary for people, and the examples that the diagnosis looks at."""

from __future__ import annotations

import numpy as np

from tfvae.runs import report

TEST = {
    "elbo": -30.125,
    "reconstruction": -25.0,
    "kl": 5.125,
    "kl_per_dimension": [5.0, 0.125],
    "active_units": 1,
    "squared_error_per_value": 0.0321,
}
REPORT = {
    "test": TEST,
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
    lines = report.lines(REPORT)
    assert "  test ELBO       -30.12 nats (1,234 examples)" in lines
    assert "  reconstruction  -25.00 nats, squared error 0.0321 in model units" in lines
    assert "  KL              5.12 nats" in lines
    assert "  active units    1 of 2" in lines
    assert "  time            61.2 s, 20 epochs, best 18" in lines
    assert "  steps/s         1,234.5" in lines
    assert "  host time       1.2 % of the loop passed between compiled calls" in lines
    assert "  parameters      567,890" in lines
    assert lines[-1].split() == ["diagnosis", "nothing", "stands", "out"]
    assert not any("IWAE" in line for line in lines)


def test_many_samples_a_short_run_and_findings():
    finding = {"name": "posterior collapse", "evidence": "0 of 2 units", "advice": "objective.free_bits=0.1"}
    changed = {
        **REPORT,
        "test": {**TEST, "iwae": -29.0},
        "steps_per_second": None,
        "host_share": None,
        "diagnosis": [finding],
    }
    lines = report.lines(changed)
    assert lines[1] == "  IWAE, K = 5     -29.00 nats"
    assert "  steps/s         too short to tell" in lines
    assert lines[-1] == "  posterior collapse: 0 of 2 units. Try objective.free_bits=0.1."


def test_the_report_of_a_loop(loop_for, settings, data_set):
    data = data_set()
    loop, vae = loop_for(settings("training.precision=float64"), data)
    loop.run()
    made = report.make(vae, data, loop, "none", {"noise_version": 1})
    each = vae.elbo(data.scaling.forward(data.test.x, "float64"), seed=0)
    assert abs(made["test"]["elbo"] - np.mean(each.elbo)) < 1e-9
    assert (made["epochs"], made["test_examples"], made["noise_version"]) == (3, 20, 1)
    assert 1 <= made["best_epoch"] <= 3
    assert made["parameters"] == sum(int(np.prod(w.shape)) for w in vae.get_weights())
    assert all(set(finding) == {"name", "evidence", "advice"} for finding in made["diagnosis"])
