"""Every conformance test runs for every row, for those with latent vectors, or for as many as have each value once."""

from __future__ import annotations

import functools
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest

from tfvae.models import VAE

# Tests are imported by path, so that the table has to be put where they find it by name.
_spec = importlib.util.spec_from_file_location("conformance_table", Path(__file__).with_name("table.py"))
table = sys.modules["conformance_table"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(table)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for name, rows in {"row": table.ROWS, "vector_row": table.VECTORS, "covering_row": table.COVERING}.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, rows, ids="-".join)


@functools.cache
def _built(row: Any, policy: str) -> VAE:
    assert policy == keras.config.dtype_policy().name
    return row.build()


@pytest.fixture
def built() -> Callable[[Any], VAE]:
    """`built(row)` is the model of a row under the policy that is set, made once: for tests that change no weight."""
    return lambda row: _built(row, keras.config.dtype_policy().name)
