"""The table covers what it says it covers."""

from __future__ import annotations

import itertools

import conformance_table as table
import pytest

from tfvae import config, likelihoods, networks

COLUMNS = {"network": table.NETWORKS, "likelihood": table.LIKELIHOODS, "prior": table.PRIORS, "size": table.SHAPES}


@pytest.mark.parametrize(
    "pair",
    [("network", "likelihood"), ("network", "prior"), ("likelihood", "prior"), ("network", "size"), ("prior", "size")],
)
def test_every_pair_has_a_row(pair: tuple[str, str]) -> None:
    covered = {tuple(getattr(row, column) for column in pair) for row in table.ROWS}
    assert covered == set(itertools.product(*(COLUMNS[column] for column in pair)))


@pytest.mark.parametrize("column", COLUMNS)
def test_every_value_has_a_row_among_the_covering_ones(column: str) -> None:
    assert {getattr(row, column) for row in table.COVERING} == set(COLUMNS[column])


def test_no_row_is_there_twice() -> None:
    assert len(set(table.ROWS)) == len(table.ROWS)


def test_every_family_and_likelihood_of_the_settings_is_in_the_table() -> None:
    assert {settings.name for settings in table.NETWORKS.values()} == set(networks.FAMILIES)
    fields = config.Likelihood.__dataclass_fields__
    assert {settings.name for settings in table.LIKELIHOODS.values()} == set(fields["name"].metadata["choices"])
    assert {settings.scale_mode for settings in table.LIKELIHOODS.values()} == set(likelihoods.SCALE_MODES)
