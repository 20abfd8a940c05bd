"""Files and folders that the user names, checked before they are opened."""

from __future__ import annotations

from pathlib import Path

from tfvae.errors import UserError


def existing_file(path: str | None, source: str) -> Path:
    """The file of `data.path`.

    Raises:
      UserError: not given, not there, or a folder.
    """
    if path is None:
        raise UserError(f"data.path: the {source} source needs a file to read; want --set data.path=FILE.")
    found = Path(path).expanduser()
    if found.is_dir():
        raise UserError(f"data.path: {path} is a folder, want a {source} file.")
    if not found.exists():
        raise UserError(f"data.path: no file {path}{_beside(found)}")
    return found


def existing_folder(path: str | None, setting: str, purpose: str) -> Path:
    """The folder of a setting.

    Raises:
      UserError: not given, not there, or a file.
    """
    if path is None:
        raise UserError(f"{setting}: no folder given, want --set {setting}=DIR, {purpose}.")
    found = Path(path).expanduser()
    if not found.exists():
        raise UserError(f"{setting}: no folder {path}; want one {purpose}.")
    if not found.is_dir():
        raise UserError(f"{setting}: {path} is a file, want a folder {purpose}.")
    return found


def _beside(path: Path) -> str:
    if not path.parent.is_dir():
        return f"; the folder {path.parent} is not there either."
    alike = sorted(item.name for item in path.parent.glob(f"*{path.suffix}") if item.is_file())[:8]
    return f"; beside it there are: {', '.join(alike)}." if path.suffix and alike else "."
