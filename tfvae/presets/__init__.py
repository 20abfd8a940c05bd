"""Presets: YAML files in this folder, which `python -m tfvae.presets` lists, shows and copies."""

from __future__ import annotations

from collections.abc import Collection
from importlib import resources
from pathlib import Path

from tfvae.config import Config, from_yaml, nearest
from tfvae.errors import UserError


def names() -> list[str]:
    """The names of all presets, in alphabetical order."""
    files = resources.files(__name__).iterdir()
    return sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))


def text(name: str) -> str:
    """The YAML of a preset.

    Raises:
      UserError: the preset is unknown (suggests the nearest name).
    """
    if name not in names():
        raise UserError(
            f"preset: got {name!r}{nearest(name, names())}, expected one of {', '.join(names())}, or a file.yaml."
        )
    return resources.files(__name__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")


def title(name: str) -> str:
    """The first line of a preset, its description."""
    return text(name).split("\n", 1)[0].lstrip("# ")


def load(name: str, allow_code: Collection[str] = ()) -> Config:
    """The configuration of a preset, or of the user's own YAML file (a name that ends in .yaml or .yml).

    Args:
      name: of a preset or a file.
      allow_code: packages whose code a file may name.

    Raises:
      UserError: the preset or file does not exist, or its settings are invalid.
    """
    if not name.endswith((".yaml", ".yml")):
        return from_yaml(text(name), name)
    path = Path(name)
    if not path.is_file():
        raise UserError(f"preset: {name} does not exist; expected the name of a preset or a YAML file.")
    try:
        return from_yaml(path.read_text(encoding="utf-8"), name, allow_code)
    except UnicodeDecodeError:
        raise UserError(f"preset: {name} is not text; expected a YAML file.") from None
