"""Pictures and metrics import no later layer of the package."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import tfvae

LATER = {
    "metrics": {"objectives", "models", "engine", "plots", "runs", "export", "apps", "serving"},
    "plots": {"runs", "export", "apps", "serving"},
}


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


@pytest.mark.parametrize("package", LATER)
def test_nothing_later_is_imported(package):
    for path in (Path(tfvae.__file__).parent / package).rglob("*.py"):
        parts = {name.split(".")[1] for name in imported(path) if name.startswith("tfvae.")}
        assert not parts & LATER[package], path
