"""No module imports one that is listed after it: the order of docs/architecture.md, but for `fit`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FROM_THE_GROUND_UP = (
    ("errors", "printing", "command", "quiet", "files"),
    ("noise",),
    ("catalog", "registering"),
    ("config",),
    ("native", "compiled"),
    ("data",),
    ("networks",),
    ("latent",),
    ("likelihoods",),
    ("metrics",),
    ("objectives",),
    ("models",),
    ("engine",),
    ("plots",),
    ("runs",),
    ("export",),
    ("presets", "train", "encode", "plot", "info"),
)
HEIGHT = {name: height for height, names in enumerate(FROM_THE_GROUND_UP) for name in names}
# `model.fit(x)` is a habit of Keras: the one import of something that stands later.
PERMITTED = {("models/trainable.py", "tfvae.runs"), ("models/trainable.py", "tfvae.runs.fit")}
# tfvae/export is a link, which a walk does not follow.
FILES = {
    path.relative_to(root): path
    for root, folder in ((ROOT / "tfvae", ROOT / "tfvae"), (ROOT, ROOT / "export"))
    for path in sorted(folder.rglob("*.py"))
    if path != ROOT / "tfvae" / "__init__.py" and path.parent.name != "edge"
}


def imported(path: Path) -> Iterator[str]:
    """Every module of the package that a file imports, inside functions and for types too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module == "tfvae")


@pytest.mark.parametrize("here", FILES, ids=str)
def test_no_module_imports_upwards(here: Path) -> None:
    height = HEIGHT[here.parts[0].removesuffix(".py")]
    above = {
        name
        for name in imported(FILES[here])
        if name.startswith("tfvae.") and HEIGHT.get(name.split(".")[1], -1) > height
        if (str(here), name) not in PERMITTED
    }
    assert above == set()


def test_the_page_names_the_same_order() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    layout = re.search(r"```\n(tfvae/.*?)```", page, re.DOTALL)
    assert layout
    named = [re.split(r"\s{2,}", line.strip())[0] for line in layout.group(1).splitlines()[1:]]
    names = [[part.strip("/").removesuffix(".py") for part in line.split()] for line in named if line]
    assert [tuple(group) for group in names] == list(FROM_THE_GROUND_UP)
