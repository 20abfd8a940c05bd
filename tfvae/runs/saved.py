"""Loads the trained model of a run folder."""

from __future__ import annotations

import importlib
import inspect
import json
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import keras

from tfvae import catalog
from tfvae.config import Config, sections
from tfvae.errors import UserError
from tfvae.models.vae import VAE
from tfvae.runs.folder import Run

_TRUSTED = ("keras", "tfvae", "builtins")  # builtins: the module that Keras records for its own functions


def load(folder: str | Path, allow_code: Collection[str] = ()) -> VAE:
    """The trained model of a run folder, with the best weights.

    Args:
      folder: the run's.
      allow_code: packages whose code its files may name, for a model with your own parts; code of other packages is not
        imported.

    Raises:
      UserError: the folder has no run, the run has not finished, or its model cannot be read or names code that is not
        allowed.

    Example:
      `tfvae.load("runs/digits").sample(16, seed=0)`
    """
    if Path(folder).suffix == ".keras":
        raise UserError(f"{folder}: this is a model, not a run folder; import tfvae, then use keras.models.load_model.")
    run = Run.open(folder, allow_code)
    if not run.model.is_file():
        raise UserError(f"{run.folder}: the run has not finished; continue it: --out {run.folder} --resume.")
    try:
        classes = _classes(run.model, _parts(run.config), allow_code)
        return keras.models.load_model(run.model, custom_objects=classes)
    except UserError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, zipfile.BadZipFile) as error:
        raise UserError(f"{run.model}: cannot be read ({' '.join(str(error).split())[:200]}).") from error


class _Named(NamedTuple):
    """An object that a saved model names and that Keras creates on loading."""

    module: str
    name: str
    registered: str


def _parts(config: Config) -> list[type]:
    """The classes from outside tfvae that the settings name; they were allowed when the settings were read."""
    names = {kind: getattr(config, kind).name for kind in sections() if kind in catalog.KINDS}
    outside = [catalog.load(kind, name) for kind, name in names.items() if name not in catalog.names(kind)]
    return [part for part in outside if inspect.isclass(part)]


def _classes(model: Path, parts: list[type], allow_code: Collection[str]) -> dict[str, Any]:
    """The classes from outside Keras and tfvae that the file names, by the name that Keras looks up.

    From a name in a file, Keras itself imports only its own packages.

    Raises:
      UserError: a class of a package that is not allowed.
    """
    with zipfile.ZipFile(model) as archive:
        found = json.loads(archive.read("config.json"))
    known = {(part.__module__, part.__name__): part for part in parts}
    classes: dict[str, Any] = {}
    for named in _walk(found):
        if named.module.partition(".")[0] in _TRUSTED:
            continue
        part = known.get((named.module, named.name))
        if part is None:
            catalog.require_allowed(str(model), f"{named.module}:{named.name}", allow_code)
            part = getattr(importlib.import_module(named.module), named.name)
        classes[named.registered] = part
    return classes


def _walk(value: Any) -> Iterator[_Named]:
    if isinstance(value, list):
        for item in value:
            yield from _walk(item)
    elif isinstance(value, dict):
        module, name = value.get("module"), value.get("class_name")
        if isinstance(module, str) and isinstance(name, str):
            yield _Named(module, name, str(value.get("registered_name") or name))
        for item in value.values():
            yield from _walk(item)
