"""`tfvae.runs.progress`: plain lines in a log, a bar in a terminal, nothing if quiet."""

from __future__ import annotations

import contextlib

from tfvae.models.terms import Term
from tfvae.runs.progress import Reporter

TERMS = {
    "elbo": Term("ELBO"),
    "loss": Term("loss"),
    "hidden": Term("hidden", shown=frozenset({"report"})),
    "kl": Term("KL"),
    "missing": Term("missing"),
    "active_units": Term("active units", "of 2", digits=0),
}
TRAIN = {"loss": 12.3456, "elbo": -12.0, "hidden": 1.0, "reconstruction": -10.0, "kl": 2.0, "active_units": 1}
LINE = {
    "epoch": 2,
    "train": {**TRAIN, "examples_per_second": 12345.6},
    "validation": {**TRAIN, "loss": 13.5, "elbo": -13.0, "reconstruction": -11.0, "active_units": 2},
}


def test_plain_lines_in_a_log(capsys):
    with Reporter(2, terms=TERMS) as reporter:
        reporter.say("data: digits [8, 8, 1]. " + 30 * "long ")
        reporter.progress(1.5)
        reporter.epoch(LINE)
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("data: digits [8, 8, 1]. long")
    assert second == (
        "epoch 2/2: ELBO -12.00 nats, validation ELBO -13.00 nats; loss 13.50 nats, KL 2.00 nats, active units 2 of 2; "
        "12,346 examples/s"
    )


def test_few_lines_where_epochs_are_short_but_always_the_last(capsys):
    with Reporter(500, terms=TERMS) as reporter:
        for epoch in range(1, 501):
            reporter.epoch({**LINE, "epoch": epoch})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("epoch 1/500")
    assert lines[-1].startswith("epoch 500/500")
    assert len(lines) < 100


def test_training_figures_stand_in_where_there_is_no_validation(capsys):
    Reporter(2, terms=TERMS).epoch({**LINE, "validation": {}})
    line = "ELBO -12.00 nats; loss 12.35 nats, KL 2.00 nats, active units 1 of 2; 12,346 examples/s"
    assert line in capsys.readouterr().out


def test_without_terms_there_is_the_speed(capsys):
    Reporter(2).epoch(LINE)
    assert capsys.readouterr().out == "epoch 2/2: 12,346 examples/s\n"


def test_quiet(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with Reporter(2, quiet=True, terms=TERMS) as reporter:
        reporter.say("data")
        reporter.progress(1.0)
        reporter.epoch(LINE)
    assert capsys.readouterr() == ("", "")


def test_a_bar_in_a_terminal(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    with Reporter(2, terms=TERMS) as reporter:
        reporter.say("data: [not markup]")
        reporter.progress(1.25)
        reporter.epoch(LINE)
    said = capsys.readouterr().out
    assert "data: [not markup]" in said
    assert "ELBO -13.00 nats" in said
    assert "2/2" in said


def test_the_bar_ends_with_an_error(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    reporter = Reporter(2, terms=TERMS)
    with contextlib.suppress(KeyError), reporter:
        assert reporter._bar is not None
        raise KeyError
    assert reporter._bar is None
