"""The engine imports nothing that DESIGN.md lists after it."""

from __future__ import annotations

import ast
from pathlib import Path

import tfvae

LATER = ("runs", "export", "apps", "serving", "train", "plot", "plots")


def test_the_engine_imports_nothing_above_it() -> None:
    files = sorted((Path(tfvae.__file__).parent / "engine").rglob("*.py"))
    assert len(files) > 10
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            module = getattr(node, "module", None) or ""
            names = [f"{module}.{alias.name}" if module else alias.name for alias in getattr(node, "names", [])]
            assert not [name for name in names if name.startswith(tuple(f"tfvae.{part}" for part in LATER))], file


def test_no_file_of_the_engine_is_long() -> None:
    for file in (Path(tfvae.__file__).parent / "engine").rglob("*.py"):
        assert len(file.read_text().splitlines()) <= 250, file
