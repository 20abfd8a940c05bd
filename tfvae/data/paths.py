"""Checks on the files and folders that settings name, before they are opened."""

from __future__ import annotations

from pathlib import Path

from tfvae.errors import UserError


def existing_file(path: str | None, source: str, setting: str = "data.path") -> Path:
    """The file in a setting.

    Args:
      path: value of the setting.
      source: the kind of file, in messages.
      setting: its name.

    Raises:
      UserError: the setting is missing, or its path does not exist or is a folder.
    """
    if path is None:
        raise UserError(f"{setting}: the {source} source reads a file; pass --set {setting}=FILE.")
    found = Path(path).expanduser()
    if found.is_dir():
        raise UserError(f"{setting}: {path} is a folder; expected a {source} file.")
    if not found.exists():
        raise UserError(f"{setting}: {path} does not exist{_alternatives(found)}")
    return found


def existing_folder(path: str | None, setting: str, purpose: str) -> Path:
    """The folder in a setting.

    Args:
      path: value of the setting.
      setting: its name.
      purpose: ends the sentence "expected a folder …", such as "with mnist.npz".

    Raises:
      UserError: the setting is missing, or its path does not exist or is a file.
    """
    if path is None:
        raise UserError(f"{setting}: missing; pass --set {setting}=DIR, a folder {purpose}.")
    found = Path(path).expanduser()
    if not found.exists():
        raise UserError(f"{setting}: {path} does not exist; expected a folder {purpose}.")
    if not found.is_dir():
        raise UserError(f"{setting}: {path} is a file; expected a folder {purpose}.")
    return found


def _alternatives(path: Path) -> str:
    if not path.parent.is_dir():
        return f"; neither does the folder {path.parent}."
    names = sorted(item.name for item in path.parent.glob(f"*{path.suffix}") if item.is_file())[:8]
    return f"; {path.suffix} files in that folder: {', '.join(names)}." if path.suffix and names else "."
