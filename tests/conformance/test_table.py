"""The table covers what it says it covers."""

from __future__ import annotations

import itertools
from typing import Any

import conformance_table as table
import pytest

from tfvae import catalog, likelihoods
from tfvae.config import prior

COLUMNS = {"network": table.NETWORKS, "likelihood": table.LIKELIHOODS, "prior": table.PRIORS, "size": table.SHAPES}


@pytest.mark.parametrize(
    "pair",
    [("network", "likelihood"), ("network", "prior"), ("likelihood", "prior"), ("network", "size"), ("prior", "size")],
)
def test_every_pair_has_a_row(pair: tuple[str, str]) -> None:
    covered = {tuple(getattr(row, column) for column in pair) for row in table.ROWS}
    assert covered >= set(itertools.product(*(COLUMNS[column] for column in pair)))


@pytest.mark.parametrize("column", COLUMNS)
def test_every_value_has_a_row_among_the_covering_ones(column: str) -> None:
    assert {getattr(row, column) for row in table.COVERING} >= set(COLUMNS[column])


def test_no_row_is_there_twice() -> None:
    assert len(set(table.ROWS)) == len(table.ROWS)


def test_every_scale_mode_is_in_the_table() -> None:
    modes = {getattr(settings, "scale_mode", "fixed") for settings in table.LIKELIHOODS.values()}
    assert modes == set(likelihoods.SCALE_MODES)


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        ("network", table.NETWORKS.values()),
        ("likelihood", table.LIKELIHOODS.values()),
        ("prior", [prior.Conditional(), *(settings(2) for settings in table.PRIORS.values())]),
    ],
)
def test_every_choice_of_the_catalog_is_in_the_table(kind: str, rows: Any) -> None:
    assert {settings.name for settings in rows} == {*catalog.names(kind)}


def test_every_form_is_among_the_covering_rows() -> None:
    assert {row.form for row in table.COVERING} == {"vector", "conditional", "spatial", "conditional spatial"}
    assert {row.prior for row in table.ROWS} == {*table.PRIORS, "conditional"}
