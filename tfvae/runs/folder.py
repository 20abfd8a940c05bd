"""The run folder: create, open, lock. It handles files only, not models.

Every file is written under a temporary name and renamed, so that a reader never sees a partial file. Temporary files
that a killed process left are removed when the run is resumed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import itertools
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tfvae import config as configuration
from tfvae.errors import UserError
from tfvae.files import UNFINISHED, write

_PARTS = ("checkpoints", "plots", "tensorboard")
_FILES = "data-files.json"


@dataclass(frozen=True)
class Run:
    """A run folder and the paths in it.

    Example:
      >>> import tempfile
      >>> run = Run.create(tempfile.mkdtemp() + "/run", configuration.Config(), {"noise_version": 1})
      >>> Run.open(run.folder).config.training.epochs
      50
    """

    folder: Path
    config: configuration.Config
    facts: dict[str, Any]
    allow_code: tuple[str, ...] = ()  # packages whose code its files may name

    @classmethod
    def create(
        cls, folder: str | Path, config: configuration.Config, facts: dict[str, Any], *, numbered: bool = False
    ) -> Run:
        """Creates a new run folder.

        Args:
          folder: must not exist, or be empty except for what an interrupted `create` left.
          config: all settings; paths are stored absolute, so that the run can be resumed from any directory.
          facts: what else `config.yaml` records: versions, preset, noise_version.
          numbered: if the folder exists, take its name with -2, -3, … instead.

        Raises:
          UserError: the folder is not empty.
        """
        folder = _claimed(Path(folder)) if numbered else Path(folder)
        if folder.exists() and not folder.is_dir():
            raise UserError(f"--out {folder}: this is a file; expected a new or empty folder.")
        if folder.exists() and not _is_unused(folder):
            hint = "or add --resume to continue it" if (folder / "config.yaml").exists() else "nothing was changed"
            raise UserError(f"--out {folder}: the folder is not empty; name a new one ({hint}).")
        folder.mkdir(parents=True, exist_ok=True)
        run = cls(folder, absolute(config), facts)
        for part in _PARTS:
            (folder / part).mkdir(exist_ok=True)
        run._write_config()  # last: a folder counts as a run once it has config.yaml
        return run

    @classmethod
    def open(cls, folder: str | Path, allow_code: Collection[str] = ()) -> Run:
        """Opens an existing run folder.

        Args:
          folder: the run's.
          allow_code: packages whose code its files may name.

        Raises:
          UserError: the folder has no run, or its `config.yaml` cannot be read or names code that is not allowed.
        """
        folder = Path(folder)
        path = folder / "config.yaml"
        if not path.is_file():
            raise UserError(f"{folder}: not a run folder (it has no config.yaml); name a folder written by training.")
        text = path.read_text(encoding="utf-8")
        config = configuration.from_yaml(text, str(path), allow_code)
        facts = {k: v for k, v in yaml.safe_load(text).items() if k in configuration.FACTS}
        return cls(folder, config, facts, tuple(allow_code))

    def move(self, config: configuration.Config) -> Run:
        """The run with the data in another place in its `config.yaml`; call it under the lock."""
        moved = dataclasses.replace(self, config=config)
        moved._write_config()
        return moved

    def change(self, config: configuration.Config, facts: Mapping[str, Any] | None = None) -> Run:
        """The run with other settings in its `config.yaml`, and no longer finished; call it under the lock.

        Args:
          config: the settings.
          facts: those to replace.
        """
        changed = dataclasses.replace(self, config=config, facts={**self.facts, **(facts or {})})
        # First: a kill between the two must leave an unfinished run, not a finished one with the new settings.
        (self.folder / "report.json").unlink(missing_ok=True)
        changed._write_config()
        return changed

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.folder / "checkpoints"

    @property
    def plots(self) -> Path:
        """The folder of the pictures."""
        return self.folder / "plots"

    @property
    def tensorboard(self) -> Path:
        """The folder of TensorBoard's event files."""
        return self.folder / "tensorboard"

    @property
    def model(self) -> Path:
        """The trained model; it exists once training has finished."""
        return self.folder / "model.keras"

    @property
    def ended(self) -> bool:
        """Whether training has finished and all its files are written."""
        # The report is written before the pictures, and again after them; earlier versions wrote it once, at the end.
        report = self.folder / "report.json"
        return (
            self.model.is_file()
            and report.is_file()
            and bool(json.loads(report.read_text(encoding="utf-8")).get("complete", True))
        )

    def files(self) -> dict[str, tuple[int, int, int]]:
        """The files of the examples that the run was trained on, by name; empty for arrays."""
        path = self.folder / _FILES
        with contextlib.suppress(FileNotFoundError, ValueError, AttributeError, TypeError):  # it only saves time
            return {name: tuple(file) for name, file in json.loads(path.read_text(encoding="utf-8")).items()}
        return {}

    def write_files(self, files: Mapping[str, tuple[int, int, int]]) -> None:
        """Writes what `files` returns; nothing if there are none."""
        if files:
            write(self.folder / _FILES, lambda path: path.write_text(json.dumps(dict(files)) + "\n", encoding="utf-8"))

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of `metrics.jsonl`, one per epoch; a line truncated by a crash is left out."""
        path, lines = self.folder / "metrics.jsonl", []
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                with contextlib.suppress(json.JSONDecodeError):
                    lines.append(json.loads(line))
        return lines

    def write_metrics(self, lines: list[dict[str, Any]]) -> None:
        """Replaces `metrics.jsonl` by these lines."""
        text = "".join(json.dumps(line) + "\n" for line in lines)
        write(self.folder / "metrics.jsonl", lambda path: path.write_text(text, encoding="utf-8"))

    def append_metrics(self, line: dict[str, Any]) -> None:
        """Appends the line of an epoch, in one write."""
        with open(self.folder / "metrics.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def write_json(self, name: str, value: Any) -> None:
        """Writes a JSON file such as `report.json`."""
        write(self.folder / name, lambda path: path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8"))

    def read_json(self, name: str) -> Any:
        """Reads a JSON file such as `report.json`.

        Raises:
          UserError: it does not exist, because the run has not finished.
        """
        path = self.folder / name
        if not path.is_file():
            raise UserError(f"{path}: not found; the run has not finished. Continue it: --out {self.folder} --resume.")
        return json.loads(path.read_text(encoding="utf-8"))

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Locks the folder for this process; the system releases the lock however the process ends.

        Raises:
          UserError: another process holds the lock.
        """
        with open(self.folder / ".lock", "w", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(f"{self.folder}: another process is training there; wait for it or end it.") from None
            self._remove_unfinished()
            yield

    def _write_config(self) -> None:
        values = {**self.facts, **configuration.to_dict(self.config)}
        text = yaml.safe_dump(values, sort_keys=False, default_flow_style=None)
        write(self.folder / "config.yaml", lambda path: path.write_text(text, encoding="utf-8"))

    def _remove_unfinished(self) -> None:
        for part in ("", *_PARTS):
            for path in (self.folder / part).glob(f"{UNFINISHED}*"):
                path.unlink(missing_ok=True)


def absolute(config: configuration.Config) -> configuration.Config:
    """The configuration with absolute paths; URLs such as gs://bucket/folder are unchanged."""
    paths = {name: getattr(config.data, name) for name in configuration.paths(config.data)}
    resolved: dict[str, Any] = {
        name: str(Path(path).expanduser().resolve()) for name, path in paths.items() if path and "://" not in path
    }
    return dataclasses.replace(config, data=dataclasses.replace(config.data, **resolved))


def _claimed(folder: Path) -> Path:
    """Makes the folder, or the first of folder-2, folder-3, … that no other process has made."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        name = folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
        with contextlib.suppress(FileExistsError):
            name.mkdir()
            return name
    raise AssertionError


def _is_unused(folder: Path) -> bool:
    """Whether the folder is empty, or has only what `Run.create` makes before it writes `config.yaml`."""
    return all(
        path.name.startswith(UNFINISHED) or (path.name in _PARTS and path.is_dir() and not any(path.iterdir()))
        for path in folder.iterdir()
    )
