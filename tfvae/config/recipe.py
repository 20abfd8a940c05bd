"""All settings of a run, read from YAML and from `--set`."""

from __future__ import annotations

import copy
import dataclasses
import typing
from collections.abc import Collection, Mapping
from typing import Any

from tfvae import catalog
from tfvae.config.data import Data, Digits
from tfvae.config.likelihood import Bernoulli, Likelihood
from tfvae.config.model import Model, Vae
from tfvae.config.network import Mlp, Network
from tfvae.config.objective import Objective
from tfvae.config.options import chosen, from_dict, is_section_of_choices, names, option, to_dict
from tfvae.config.posterior import Gaussian, Posterior
from tfvae.config.prior import Prior, Standard
from tfvae.config.text import Typed, load, shown
from tfvae.config.training import Training
from tfvae.errors import UserError, nearest

# The keys of config.yaml that describe the run and are not settings.
FACTS = ("preset", "noise_version", "versions", "latent", "examples", "fingerprint", "init_from")


@dataclasses.dataclass(frozen=True)
class Config:
    """All settings of a run."""

    data: Data = Digits()
    network: Network = Mlp()
    posterior: Posterior = Gaussian()
    prior: Prior = Standard()
    likelihood: Likelihood = Bernoulli()
    objective: Objective = Objective()
    model: Model = Vae()
    training: Training = Training()
    seed: int = option(0, "seed of every random number, in [0, 2^63)", minimum=0, maximum=2**63 - 1)


def sections() -> dict[str, Any]:
    """Name to dataclass of every section; for a section of choices, their base class."""
    hints = typing.get_type_hints(Config)
    return {name: kind for name, kind in hints.items() if dataclasses.is_dataclass(kind)}


def override(config: Config, assignments: list[str]) -> Config:
    """The configuration with each assignment `section.key=value` applied.

    A text setting takes the text as typed, without quotes around it; no text is None. All other values are YAML.

    When a `name` changes, settings that the new choice also has keep their values; the others are dropped. Names may be
    code, because assignments come from the user and not from a file.

    Raises:
      UserError: an assignment cannot be parsed or is invalid.

    Example:
      >>> override(Config(), ["training.epochs=3"]).training.epochs
      3
    """
    values = to_dict(config)
    changes: dict[str, dict[str, Any]] = {}
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals:
            raise UserError(f"--set {assignment}: expected section.key=value, as in --set training.epochs=3.")
        section, *keys = path.split(".")
        value = Typed(text)
        if section not in values:
            raise UserError(f"{section}: no such section{nearest(section, values)}. There are: {', '.join(values)}.")
        if not keys:
            values[section] = value.as_yaml(path)
            changes.pop(section, None)
        else:
            _put(changes.setdefault(section, {}), values[section], section, keys, value)
    return from_dict(Config, {**values, **{name: _merged(name, values[name], changes[name]) for name in changes}})


def from_yaml(text: str, origin: str, allow_code: Collection[str] = ()) -> Config:
    """Reads a configuration; keys that describe a run (FACTS) are ignored.

    Args:
      text: YAML.
      origin: the name of the file in messages.
      allow_code: packages whose code the file may name; code of other packages is not imported.

    Raises:
      UserError: the text is not YAML, or a setting is invalid.
    """
    try:
        values = load(text) or {}
    except ValueError as error:
        raise UserError(f"{origin}: not YAML ({error}).") from error
    if not isinstance(values, Mapping):
        raise UserError(f"{origin}: got {shown(values)}, expected a table of sections.")
    known = {key: value for key, value in _migrated(values).items() if key not in FACTS}
    try:
        return from_dict(Config, known, allow_code=allow_code)
    except UserError as error:
        raise UserError(f"{origin}: {error}") from error


def _put(changes: dict[str, Any], old: Any, path: str, keys: list[str], value: Any) -> None:
    """Sets a value at the end of a path of keys; tables on the way are copied from `old` or created."""
    key, *deeper = keys
    if not isinstance(old, dict):
        raise UserError(f"{'.'.join([path, *keys])}: {path} is a single value; expected {path}={value}.")
    if not deeper:
        changes[key] = value
        return
    inner = changes.setdefault(key, copy.deepcopy(old.get(key, {})))
    if isinstance(inner, Typed):
        inner = changes[key] = inner.as_yaml(f"{path}.{key}")
    _put(inner, inner, f"{path}.{key}", deeper, value)


def _merged(section: str, old: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    kind = sections()[section]
    if is_section_of_choices(kind) and changes.get("name", old.get("name")) != old.get("name"):
        kept = names(chosen(kind, changes["name"]))
        old = {key: value for key, value in old.items() if key in kept}
    return {**old, **changes}


def _migrated(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """A run of version 0.1.0 lists the settings of all choices: drops those of the choices not selected.

    Such a configuration has no section `model`, which every later run records.
    """
    versions = values.get("versions")
    if not isinstance(versions, Mapping) or versions.get("tfvae") != "0.1.0" or "model" in values:
        return values
    migrated = dict(values)
    for section, kind in sections().items():
        old = values.get(section)
        if (
            not is_section_of_choices(kind)
            or not isinstance(old, Mapping)
            or old.get("name") not in catalog.names(section)
        ):
            continue
        choice = chosen(kind, old["name"])
        own = {*names(choice), *choice.becomes}
        migrated[section] = {
            key: value for key, value in old.items() if key in own or not catalog.having(section, str(key))
        }
    return migrated
