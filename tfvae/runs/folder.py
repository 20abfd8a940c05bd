"""The run folder: create, open, lock. It knows files, and no models.

Every file is written under a temporary name and renamed, so that a reader never sees half of one. What a killed process
leaves of that is swept away when the run goes on.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tfvae import config as configuration
from tfvae.errors import UserError
from tfvae.files import UNFINISHED, write

_PARTS = ("checkpoints", "plots", "tensorboard")


@dataclass(frozen=True)
class Run:
    """A run folder and where everything lies in it.

    Example:
      >>> import tempfile
      >>> run = Run.create(tempfile.mkdtemp() + "/run", configuration.Config(), {"noise_version": 1})
      >>> Run.open(run.folder).config.training.epochs
      50
    """

    folder: Path
    config: configuration.Config
    facts: dict[str, Any]
    allow_code: tuple[str, ...] = ()  # packages that its files may name code of

    @classmethod
    def create(cls, folder: str | Path, config: configuration.Config, facts: dict[str, Any]) -> Run:
        """Makes a new run folder.

        Args:
          folder: must not exist, or be empty but for what a creation that was cut off left.
          config: the whole recipe; its places are kept absolute, so that the run can go on from any folder.
          facts: what else `config.yaml` says of the run: versions, preset, noise_version.

        Raises:
          UserError: the folder holds something already.
        """
        folder = Path(folder)
        if folder.exists() and not folder.is_dir():
            raise UserError(f"--out {folder}: it is a file; want a new or empty folder.")
        if folder.exists() and not _only_begun(folder):
            hint = "--resume goes on with it" if (folder / "config.yaml").exists() else "nothing in it was touched"
            raise UserError(f"--out {folder}: the folder is not empty; name a new one ({hint}).")
        folder.mkdir(parents=True, exist_ok=True)
        run = cls(folder, absolute(config), facts)
        for part in _PARTS:
            (folder / part).mkdir(exist_ok=True)
        run._write_config()  # last: a folder that has it is a run
        return run

    @classmethod
    def open(cls, folder: str | Path, allow_code: Collection[str] = ()) -> Run:
        """Opens a run folder that exists.

        Args:
          folder: the run's.
          allow_code: packages that its files may name code of.

        Raises:
          UserError: no run is there, or its `config.yaml` cannot be read or names code that is not allowed.
        """
        folder = Path(folder)
        path = folder / "config.yaml"
        if not path.is_file():
            raise UserError(f"{folder}: no run is there (it has no config.yaml); name a folder that training made.")
        text = path.read_text()
        config = configuration.from_yaml(text, str(path), allow_code)
        facts = {k: v for k, v in yaml.safe_load(text).items() if k in configuration.FACTS}
        return cls(folder, config, facts, tuple(allow_code))

    def change(self, config: configuration.Config) -> Run:
        """The run with another recipe in its `config.yaml`, no longer ended; hold the lock."""
        changed = dataclasses.replace(self, config=config)
        # First: a kill between the two leaves a run that goes on, not one that has ended with the new recipe.
        (self.folder / "report.json").unlink(missing_ok=True)
        changed._write_config()
        return changed

    @property
    def checkpoints(self) -> Path:
        """Checkpoints."""
        return self.folder / "checkpoints"

    @property
    def plots(self) -> Path:
        """Pictures."""
        return self.folder / "plots"

    @property
    def tensorboard(self) -> Path:
        """TensorBoard's event files."""
        return self.folder / "tensorboard"

    @property
    def model(self) -> Path:
        """The trained model; there once the run has ended."""
        return self.folder / "model.keras"

    @property
    def ended(self) -> bool:
        """Whether training came to its end, and all that it makes is there."""
        return self.model.is_file() and (self.folder / "report.json").is_file()

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of `metrics.jsonl`, one an epoch; a line cut short by a crash is left out."""
        path, lines = self.folder / "metrics.jsonl", []
        if path.exists():
            for line in path.read_text().splitlines():
                with contextlib.suppress(json.JSONDecodeError):
                    lines.append(json.loads(line))
        return lines

    def write_metrics(self, lines: list[dict[str, Any]]) -> None:
        """Puts these lines in the place of `metrics.jsonl`."""
        text = "".join(json.dumps(line) + "\n" for line in lines)
        write(self.folder / "metrics.jsonl", lambda path: path.write_text(text))

    def append_metrics(self, line: dict[str, Any]) -> None:
        """Adds the line of an epoch, in one write."""
        with open(self.folder / "metrics.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")

    def write_json(self, name: str, value: Any) -> None:
        """Writes a JSON file such as `report.json`."""
        write(self.folder / name, lambda path: path.write_text(json.dumps(value, indent=2) + "\n"))

    def read_json(self, name: str) -> Any:
        """Reads a JSON file such as `report.json`.

        Raises:
          UserError: it is not there, as before the end of the run.
        """
        path = self.folder / name
        if not path.is_file():
            raise UserError(f"{path}: not there; the run has not ended. Go on with it: --out {self.folder} --resume.")
        return json.loads(path.read_text())

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Holds the folder for this process; the system lets go of it however the process ends.

        Raises:
          UserError: another process holds it.
        """
        with open(self.folder / ".lock", "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(f"{self.folder}: another process trains there; wait for it or end it.") from None
            self._sweep()
            yield

    def _write_config(self) -> None:
        values = {**self.facts, **configuration.to_dict(self.config)}
        text = yaml.safe_dump(values, sort_keys=False, default_flow_style=None)
        write(self.folder / "config.yaml", lambda path: path.write_text(text))

    def _sweep(self) -> None:
        for part in ("", *_PARTS):
            for left in (self.folder / part).glob(f"{UNFINISHED}*"):
                left.unlink(missing_ok=True)


def absolute(config: configuration.Config) -> configuration.Config:
    """The configuration with its places absolute; addresses such as gs://bucket/folder are left alone."""
    given = {name: getattr(config.data, name) for name in configuration.paths(config.data)}
    places: dict[str, Any] = {
        name: str(Path(place).expanduser().resolve()) for name, place in given.items() if place and "://" not in place
    }
    return dataclasses.replace(config, data=dataclasses.replace(config.data, **places))


def _only_begun(folder: Path) -> bool:
    """Whether nothing is there, or only what `Run.create` makes before it writes `config.yaml`."""
    return all(
        path.name.startswith(UNFINISHED) or (path.name in _PARTS and path.is_dir() and not any(path.iterdir()))
        for path in folder.iterdir()
    )
