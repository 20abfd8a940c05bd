"""Gates by name, and their messages for files that exceed them."""

from __future__ import annotations

import dataclasses
import math

import pytest

from tests.conformance import table
from tfvae.errors import UserError
from tfvae.export import gates
from tfvae.export.proof import Error, Row

GATES = gates.of_model(table.Row("mlp", "bernoulli", "standard", "8x8x1").build().signatures())
GOOD = Row(
    file="decoder_int8.tflite",
    kind="int8",
    bytes=1000,
    error={"prior": Error(0.05, 0.004, 40.0), "posterior": Error(0.09, 0.003, 41.0)},
    elbo_change=0.011,
    others={},
    delegated=1.0,
    latency_us={},
)
SCORER = Row("scorer.tflite", "scorer", 1, {}, None, {"encode": 1e-6, "score": 1e-6}, None, {})


def test_the_gates_are_those_of_the_promise() -> None:
    assert {name: GATES[name].most for name in GATES if name.partition(".")[0] in ("float16", "dynamic", "int8")} == {
        "float16.max": 2e-3,
        "float16.elbo": 1e-3,
        "dynamic.max": 0.1,
        "dynamic.mean": 0.002,
        "dynamic.elbo": 0.005,
        "int8.max": 0.2,
        "int8.mean": 0.01,
        "int8.elbo": 0.03,
    }
    for kind in ("saved_model", "float32"):
        assert (GATES[f"{kind}.max"].most, GATES[f"{kind}.elbo"].most) == (1e-5, 1e-4)
    assert {name: gate.aim for name, gate in GATES.items() if gate.aim} == {
        "dynamic.max": 0.03,
        "int8.max": 0.08,
        "int8.elbo": 0.01,
    }


def test_parse_changes_what_is_named() -> None:
    parsed = gates.changed(GATES, gates.parse(["int8.max=0.08", "scorer.score=1e-3"]))
    assert parsed["int8.max"].most == 0.08
    assert parsed["int8.max"].aim == GATES["int8.max"].aim
    assert parsed["scorer.score"].most == 1e-3
    assert {name for name in GATES if parsed[name] != GATES[name]} == {"int8.max", "scorer.score"}
    assert gates.changed(GATES, gates.parse([])) == GATES


def test_a_gate_that_this_model_has_not_is_refused() -> None:
    with pytest.raises(UserError, match=r"--gate scorer\.scores: no such gate \(did you mean scorer\.score\?\)"):
        gates.changed(GATES, gates.parse(["scorer.scores=1"]))


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("int8.maxx=1", r"no such gate \(did you mean int8\.max\?\)"),
        ("max=1", "no such gate"),
        ("int8.max", "expected a positive finite number"),
        ("int8.max=big", "'big', expected a positive finite number"),
        *[(f"int8.max={text}", "expected a positive finite number") for text in ("0", "-1", "nan", "inf")],
    ],
)
def test_parse_says_what_is_wrong(assignment: str, said: str) -> None:
    with pytest.raises(UserError, match=rf"--gate {assignment}: .*{said}"):
        gates.parse([assignment])


def test_good_files_pass() -> None:
    assert gates.failures([GOOD, SCORER], GATES) == []


def test_a_failure_has_its_figures() -> None:
    assert gates.failures([SCORER, GOOD], gates.changed(GATES, {"int8.max": 0.06})) == [
        "decoder_int8.tflite: max error of the mean 0.05 on prior latents, 0.09 on posterior latents, gate 0.06 "
        "(--gate int8.max=…)."
    ]
    (sentence,) = gates.failures([dataclasses.replace(GOOD, elbo_change=0.05)], GATES)
    assert sentence == "decoder_int8.tflite: relative change of the ELBO 0.05, gate 0.03 (--gate int8.elbo=…)."


@pytest.mark.parametrize("latents", ["prior", "posterior"])
def test_nan_fails_wherever_it_is(latents: str) -> None:
    bad = dataclasses.replace(GOOD, error={**GOOD.error, latents: Error(math.nan, math.nan, math.nan)})
    assert len(gates.failures([bad], GATES)) == 2
    assert len(gates.failures([dataclasses.replace(GOOD, elbo_change=math.nan)], GATES)) == 1
    nan = dataclasses.replace(SCORER, others={"encode": 1e-6, "score": math.nan})
    assert "scorer.tflite: error of score nan" in gates.failures([nan], GATES)[0]
    infinite = dataclasses.replace(SCORER, others={"encode": math.inf, "score": 0.0})
    assert len(gates.failures([infinite], GATES)) == 1


def test_what_a_file_lacks_fails() -> None:
    (sentence,) = gates.failures([dataclasses.replace(SCORER, others={"encode": 0.0})], GATES)
    assert sentence.startswith("scorer.tflite: error of score is missing")
