"""Writes measurements as JSON for programs and as Markdown for readers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tfvae.files import write

FOLDER = Path(__file__).parent / "results"


def keep(results: dict[str, Any], markdown: str, name: str, folder: Path) -> None:
    """Writes `NAME.json` and `NAME.md` atomically, and prints each target and its result."""
    folder.mkdir(parents=True, exist_ok=True)
    for ending, text in (("json", json.dumps(results, indent=1) + "\n"), ("md", markdown)):
        write(folder / f"{name}.{ending}", lambda path, text=text: path.write_text(text, encoding="utf-8"))
    for row in results.get("targets", ()):
        wanted = f"required {row['must']}" if row["must"] else f"aim {row['aim']}"
        against = f" against {row['against']}" if row["against"] else ""
        print(f"{row['verdict']:<12} {row['what']}: {row['came']}, {wanted}{against}")
    print(f"Written: {folder / name}.json and .md")


def targets(rows: list[dict[str, Any]]) -> str:
    """The section with the targets and their results."""
    cells = [[row[key] for key in ("what", "against", "came", "must", "aim", "verdict")] for row in rows]
    return "## Targets\n\n" + table(["what", "against", "measured", "required", "aim", ""], cells)


def table(head: list[str], rows: Iterable[list[Any]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
