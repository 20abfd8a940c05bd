"""Presets: each is one YAML file beside this one, listed, shown and copied by `python -m tfvae.presets`."""

from __future__ import annotations

from collections.abc import Collection
from importlib import resources
from pathlib import Path

from tfvae.config import Config, from_yaml, nearest
from tfvae.errors import UserError


def names() -> list[str]:
    """All presets, in alphabetical order."""
    files = resources.files(__name__).iterdir()
    return sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))


def text(name: str) -> str:
    """The YAML of a preset.

    Raises:
      UserError: no such preset, with the nearest name.
    """
    if name not in names():
        raise UserError(
            f"preset: got {name!r}{nearest(name, names())}, want one of {', '.join(names())}, or a file.yaml."
        )
    return resources.files(__name__).joinpath(f"{name}.yaml").read_text()


def title(name: str) -> str:
    """The first line of a preset, which says what it is."""
    return text(name).split("\n", 1)[0].lstrip("# ")


def load(name: str, allow_code: Collection[str] = ()) -> Config:
    """The configuration of a preset, or of a YAML file of the user's own (a name that ends in .yaml).

    Args:
      name: of a preset or a file.
      allow_code: packages that a file may name code of.

    Raises:
      UserError: no such preset or file, or settings in it that cannot be used.
    """
    if not name.endswith((".yaml", ".yml")):
        return from_yaml(text(name), name)
    path = Path(name)
    if not path.is_file():
        raise UserError(f"preset: {name} is not there; want a preset's name or a YAML file.")
    try:
        return from_yaml(path.read_text(), name, allow_code)
    except UnicodeDecodeError:
        raise UserError(f"preset: {name} is not text; want a YAML file.") from None
