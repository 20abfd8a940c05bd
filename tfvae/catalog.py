"""Every part that a configuration can name: one row for each choice, with its code and its settings.

The rows are strings, and a part is imported only when it is requested, so importing this module is cheap. A new part is
one more row here.

A configuration may also name `package.module:Class`, or an entry point of the group `tfvae.parts`. The former decides
which code runs: it is imported if the command line or a Python program names it, but if a file names it, only if the
user allows its package.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import re
from collections.abc import Collection
from importlib import metadata
from typing import Any, NamedTuple

from tfvae.errors import UserError, listed, nearest
from tfvae.quiet import quiet_start

ENTRY_POINTS = "tfvae.parts"


class Row(NamedTuple):
    """One choice.

    Attributes:
      target: "module:Class", or "module" for a module with the functions in `Kind.needs`.
      settings: "module:Class" of its settings, a dataclass of `tfvae.config`.
    """

    target: str
    settings: str


class Kind(NamedTuple):
    """All choices for one section of the configuration.

    Attributes:
      base: the base class of every part, or None.
      needs: the functions that every part has.
      settings: the settings that all choices share; also those of an external part without its own `Settings`.
      rows: name to choice.
    """

    base: str | None
    needs: tuple[str, ...]
    settings: str
    rows: dict[str, Row]


KINDS = {
    "data": Kind(
        base=None,
        needs=("from_settings",),
        settings="tfvae.config.data:Data",
        rows={
            "digits": Row("tfvae.data.digits", "tfvae.config.data:Digits"),
            "mnist": Row("tfvae.data.keras_sets", "tfvae.config.data:KerasSet"),
            "fashion_mnist": Row("tfvae.data.keras_sets", "tfvae.config.data:KerasSet"),
            "cifar10": Row("tfvae.data.keras_sets", "tfvae.config.data:KerasSet"),
            "blobs": Row("tfvae.data.blobs", "tfvae.config.data:Blobs"),
            "csv": Row("tfvae.data.table", "tfvae.config.data:Csv"),
            "npz": Row("tfvae.data.npz", "tfvae.config.data:Npz"),
            "images": Row("tfvae.data.images", "tfvae.config.data:Images"),
            "shards": Row("tfvae.data.sharded", "tfvae.config.data:Shards"),
        },
    ),
    "network": Kind(
        base=None,
        needs=("encoder", "decoder"),
        settings="tfvae.config.network:Network",
        rows={
            "mlp": Row("tfvae.networks.mlp", "tfvae.config.network:Mlp"),
            "conv": Row("tfvae.networks.conv", "tfvae.config.network:Conv"),
            "resnet": Row("tfvae.networks.resnet", "tfvae.config.network:Resnet"),
        },
    ),
    "posterior": Kind(
        base="tfvae.latent.posteriors.base:Posterior",
        needs=(),
        settings="tfvae.config.posterior:Posterior",
        rows={
            "gaussian": Row("tfvae.latent.posteriors.gaussian:GaussianPosterior", "tfvae.config.posterior:Gaussian"),
        },
    ),
    "prior": Kind(
        base="tfvae.latent.priors.base:Prior",
        needs=(),
        settings="tfvae.config.prior:Prior",
        rows={
            "standard": Row("tfvae.latent.priors.gaussian:StandardNormal", "tfvae.config.prior:Standard"),
            "diagonal": Row("tfvae.latent.priors.gaussian:DiagonalNormal", "tfvae.config.prior:Diagonal"),
            "correlated": Row("tfvae.latent.priors.gaussian:CorrelatedNormal", "tfvae.config.prior:Correlated"),
            "conditional": Row("tfvae.latent.priors.conditional:ConditionalGaussian", "tfvae.config.prior:Conditional"),
        },
    ),
    "likelihood": Kind(
        base="tfvae.likelihoods.base:Likelihood",
        needs=(),
        settings="tfvae.config.likelihood:Likelihood",
        rows={
            "bernoulli": Row("tfvae.likelihoods.bernoulli:Bernoulli", "tfvae.config.likelihood:Bernoulli"),
            "continuous_bernoulli": Row(
                "tfvae.likelihoods.continuous_bernoulli:ContinuousBernoulli",
                "tfvae.config.likelihood:ContinuousBernoulli",
            ),
            "gaussian": Row("tfvae.likelihoods.location_scale:Gaussian", "tfvae.config.likelihood:Gaussian"),
            "laplace": Row("tfvae.likelihoods.location_scale:Laplace", "tfvae.config.likelihood:Laplace"),
            "mse": Row("tfvae.likelihoods.location_scale:Gaussian", "tfvae.config.likelihood:Mse"),
        },
    ),
    "model": Kind(
        base="tfvae.models.base:LatentModel",
        needs=(),
        settings="tfvae.config.model:Model",
        rows={"vae": Row("tfvae.models.vae:VAE", "tfvae.config.model:Vae")},
    ),
}

_CODE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def names(kind: str) -> tuple[str, ...]:
    """The names of the rows of a kind.

    Example:
      >>> names("network")
      ('mlp', 'conv', 'resnet')
    """
    return tuple(KINDS[kind].rows)


def load(kind: str, name: str) -> Any:
    """The class or module of a choice; external code is checked to be of the right kind before it is used.

    Args:
      kind: a section of the configuration, such as "prior".
      name: of a row or an entry point, or `package.module:Class`, which is imported.

    Raises:
      UserError: no such choice, with the nearest name; or code that cannot be imported or is of another kind.

    Example:
      >>> load("prior", "correlated").__name__
      'CorrelatedNormal'
    """
    row = KINDS[kind].rows.get(name)
    if row:
        return _import(row.target)
    found = _from_entry_point(kind, name) or _from_code(kind, name)
    _check(kind, name, found)
    if KINDS[kind].base:
        _register(found)
    return found


def settings(kind: str, name: str, allow_code: Collection[str] | None = None) -> type:
    """The dataclass of the settings of a choice.

    Args:
      kind: a section of the configuration, such as "prior".
      name: as for `load`.
      allow_code: packages whose code a file may name; the code is imported to read its settings. None: the name comes
        from the user, not from a file, and may be any code.

    Raises:
      UserError: as `load`; or a file names code that is not allowed, which is then not imported.

    Example:
      >>> settings("prior", "diagonal").__name__
      'Diagonal'
    """
    found: type
    row = KINDS[kind].rows.get(name)
    if row:
        found = _import(row.settings)
        return found
    if _CODE.fullmatch(name) and allow_code is not None:
        require_allowed(f"{kind}.name", name, allow_code)
    own = getattr(load(kind, name), "Settings", None)
    if own is None:
        return shared(kind)
    frozen = dataclasses.is_dataclass(own) and getattr(own, "__dataclass_params__").frozen  # noqa: B009
    if not frozen or any("help" not in field.metadata for field in dataclasses.fields(own)):
        raise UserError(
            f"{kind}.name: Settings of {name} must be a frozen dataclass, its fields made with tfvae.config.option."
        )
    return own if issubclass(own, shared(kind)) else _joined(own, shared(kind))


def shared(kind: str) -> type:
    """The dataclass of the settings that all choices of a kind have.

    Example:
      >>> shared("prior").__name__
      'Prior'
    """
    found: type = _import(KINDS[kind].settings)
    return found


def having(kind: str, setting: str) -> tuple[str, ...]:
    """The choices that have the setting.

    Example:
      >>> having("prior", "covariance")
      ('correlated',)
    """
    rows = KINDS[kind].rows
    return tuple(name for name in rows if setting in _import(rows[name].settings).__dataclass_fields__)


def import_saved() -> None:
    """Imports every class that a `.keras` file of ours may name, which registers it with Keras."""
    for kind in KINDS.values():
        for row in kind.rows.values() if kind.base else ():
            _import(row.target)
    _import("tfvae.engine.learning_rate")  # the schedule of a compiled optimizer


def require_allowed(where: str, code: str, allow_code: Collection[str]) -> None:
    """Checks that a file may name the code.

    Raises:
      UserError: its package is not allowed.
    """
    package = code.partition(":")[0].partition(".")[0]
    if package not in allow_code:
        raise UserError(
            f"{where}: names code, {code}, which a file may not do by default: if you trust both the file and the "
            f"package, pass --allow-code {package} (in Python allow_code=[{package!r}])."
        )


def _import(target: str) -> Any:
    module, _, name = target.partition(":")
    found = importlib.import_module(module)
    return getattr(found, name) if name else found


def _from_entry_point(kind: str, name: str) -> Any:
    for entry in metadata.entry_points(group=ENTRY_POINTS, name=name):
        return _guarded(kind, name, entry.load)
    return None


def _from_code(kind: str, name: str) -> Any:
    if not _CODE.fullmatch(name):
        known = names(kind)
        raise UserError(
            f"{kind}.name: got {name!r}{nearest(name, known)}, expected one of {', '.join(known)}, "
            "or package.module:Class for your own code."
        )
    return _guarded(kind, name, lambda: _import(name))


def _guarded(kind: str, name: str, find: Any) -> Any:
    try:
        with quiet_start():  # the code probably imports TensorFlow
            return find()
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{kind}.name: {name} cannot be imported ({reason}).") from error


def _check(kind: str, name: str, found: Any) -> None:
    """Raises a UserError if external code is not a part of this kind."""
    base, needs = KINDS[kind].base, KINDS[kind].needs
    if base and not (inspect.isclass(found) and issubclass(found, _import(base))):
        raise UserError(f"{kind}.name: {name} must be a subclass of {base.replace(':', '.')}.")
    missing = [need for need in needs if not callable(getattr(found, need, None))]
    if missing:
        raise UserError(f"{kind}.name: {name} must have {listed(needs)}; it has no {listed(missing)}.")


def _register(found: Any) -> None:
    """Lets Keras save and load a class that its author did not register."""
    import keras

    if keras.saving.get_registered_name(found) == found.__name__:
        keras.saving.register_keras_serializable(package=found.__module__)(found)


@functools.cache
def _joined(own: type, common: type) -> type:
    """A dataclass of the common settings and those of the class; cached, so that configurations compare equal."""
    return dataclasses.make_dataclass("Settings", [], bases=(own, common), frozen=True)
