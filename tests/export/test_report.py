"""The printed table, and the content of `report.json`."""

from __future__ import annotations

import dataclasses
import json
import math

from tests.conformance import table
from tfvae.export import gates, report
from tfvae.export.proof import Error, Row

GATES = gates.of_model(table.Row("mlp", "bernoulli", "standard", "8x8x1").build().signatures())
LATENCY = {"1": {"p50": 10234.5, "p95": 12345.6}, "2": {"p50": 9876.5, "p95": 11234.5}}
SERVED = Row(
    "saved_model",
    "saved_model",
    123_456_789,
    {"prior": Error(0.0, 0.0, math.inf), "posterior": Error(1e-7, 1e-8, 140.0)},
    1e-6,
    {"encode": 1e-7, "reconstruct": 0.0, "score": 1e-7, "sample_z": 1e-7, "sample_x": 1e-7},
    None,
    {},
)
FLOAT = dataclasses.replace(
    SERVED, file="decoder.tflite", kind="float32", bytes=1_000_000, others={}, delegated=1.0, latency_us=LATENCY
)
INT8 = dataclasses.replace(
    FLOAT,
    file="decoder_int8.tflite",
    kind="int8",
    bytes=260_000,
    error={"prior": Error(0.07, 0.004, 40.0), "posterior": Error(0.05, 0.005, 38.5)},
    elbo_change=0.02,
    delegated=0.875,
)
GENERATOR = Row(
    "generator.tflite", "generator", 1_150_000, {}, None, {"sample_z": 1e-6, "sample_x": 0.0}, 0.03, LATENCY
)
ROWS = [SERVED, FLOAT, INT8, GENERATOR]


def test_the_table_is_aligned_and_has_the_worse_figures() -> None:
    lines = report.table(ROWS, GATES).splitlines()
    assert max(map(len, lines)) <= 120
    table = lines[: len(ROWS) + 1]
    assert len({len(line) for line in table}) == 1
    figures = "260,000 0.26 7.0e-02 5.0e-03 38.5 2.0e-02 88% 10,234/12,346 9,876/11,234"
    assert " ".join(lines[3].split()) == f"decoder_int8.tflite {figures}"
    assert lines[1].split()[1:6] == ["123,456,789", "-", "1.0e-07", "1.0e-08", "140.0"]
    assert "aim int8.max 0.08: 0.07, reached" in lines
    assert "aim int8.elbo 0.01: 0.02, missed" in lines
    assert "generator.tflite: sample_z 1.0e-06, sample_x 0.0e+00" in lines


def test_without_the_float_decoder_there_is_no_ratio() -> None:
    assert report.table([INT8], GATES).splitlines()[1].split()[2] == "-"


def test_the_report_is_json_with_figures_gates_and_aims() -> None:
    changed = gates.changed(GATES, {"int8.max": 0.15})
    given = report.to_dict(ROWS, changed)
    assert json.loads(json.dumps(given, allow_nan=False)) == given
    assert given["files"]["decoder_int8.tflite"]["error"]["prior"] == {"max": 0.07, "mean": 0.004, "psnr": 40.0}
    assert given["files"]["saved_model"]["error"]["prior"]["psnr"] is None
    assert given["files"]["saved_model"]["score_error"] == 1e-7
    assert given["files"]["decoder.tflite"]["latency_us"] == LATENCY
    assert given["gates"]["int8.max"] == 0.15
    assert not [name for name in given["gates"] if name.startswith("dynamic")]
    assert given["aims"]["int8.elbo"] == {"aim": 0.01, "measured": 0.02, "reached": False}
    assert given["machine"]["cores"] >= 1
    assert given["machine"]["cpu"]
