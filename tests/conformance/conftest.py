"""Every conformance test runs for every row of the table."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

# Tests are imported by path, so that the table has to be put where they find it by name.
_spec = importlib.util.spec_from_file_location("conformance_table", Path(__file__).with_name("table.py"))
table = sys.modules["conformance_table"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(table)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "row" in metafunc.fixturenames:
        metafunc.parametrize("row", table.ROWS, ids="-".join)
