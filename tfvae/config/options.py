"""Settings as dataclass fields that carry their help, unit and limits; plain values are checked against these.

`--help`, the checks and the documentation all read them from the field, so they cannot disagree.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Collection, Mapping
from typing import Any, ClassVar, TypeVar

from tfvae import catalog
from tfvae.config.text import Scalar, Typed, resolved, shown
from tfvae.errors import UserError, listed, nearest

T = TypeVar("T")


def option(
    default: Any,
    help: str,  # noqa: A002 - the name that argparse uses
    *,
    unit: str = "",
    choices: tuple[str, ...] = (),
    minimum: float | None = None,
    above: float | None = None,
    maximum: float | None = None,
    is_path: bool = False,
    each: tuple[str, ...] = (),
) -> Any:
    """A field of a dataclass of settings.

    Args:
      default: the value if none is set; it must be valid.
      help: one line for `--help`, without a full stop.
      unit: of the number.
      choices: the allowed values of a text setting.
      minimum: the smallest allowed number. For a tuple, this and the other limits apply to each number.
      above: the number must be greater than this.
      maximum: the largest allowed number.
      is_path: a file or folder: `config.yaml` stores the absolute path, which may differ between machines.
      each: for a table of named entries: the settings of the same dataclass that an entry may have.

    Example:
      >>> @dataclasses.dataclass(frozen=True)
      ... class Settings:
      ...     rate: float = option(0.5, "rate of decay", minimum=0.0)
      >>> from_dict(Settings, {"rate": 1}).rate
      1.0
    """
    metadata = dict(
        help=help, unit=unit, choices=choices, minimum=minimum, above=above, maximum=maximum, is_path=is_path, each=each
    )
    if isinstance(default, dict):
        return dataclasses.field(default_factory=lambda: dict(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


class Choice:
    """The base class of the settings of every choice of a section.

    Attributes:
      kind: the section; `tfvae.catalog` lists its choices.
      becomes: setting of another choice to the name of that choice, which replaces this one if the setting is set; the
        first one that is set decides.
      note: a sentence that training prints about this choice.
    """

    kind: ClassVar[str]
    becomes: ClassVar[dict[str, str]] = {}
    note: ClassVar[str] = ""
    name: str

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments for the class in the catalog: the settings that only this choice has."""
        shared = {field.name for field in dataclasses.fields(catalog.shared(self.kind))}
        return {name: getattr(self, name) for name in names(type(self)) if name not in shared}


def names(kind: type) -> tuple[str, ...]:
    """The names of the settings of a dataclass."""
    return tuple(field.name for field in dataclasses.fields(kind))


def paths(settings: Any) -> tuple[str, ...]:
    """The names of the settings that are files or folders."""
    return tuple(field.name for field in dataclasses.fields(settings) if field.metadata["is_path"])


def is_section_of_choices(kind: Any) -> bool:
    """Whether the class is the base of all choices of a section, such as `Prior`, and not one choice (`Correlated`)."""
    return "kind" in vars(kind)


def to_dict(config: Any) -> dict[str, Any]:
    """The settings as plain lists, numbers and strings, ready for YAML or JSON."""

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: plain(item) for key, item in value.items()}
        return [plain(item) for item in value] if isinstance(value, tuple) else value

    return {key: plain(value) for key, value in dataclasses.asdict(config).items()}


def from_dict(kind: type[T], values: Any, where: str = "", allow_code: Collection[str] | None = None) -> T:
    """Builds a dataclass from plain values; checks the name, type and range of each.

    Args:
      kind: the dataclass. For a section of choices, the base class, such as `Prior`; `name` selects the choice.
      values: a table of settings.
      where: the name of the table in messages.
      allow_code: see `tfvae.catalog.settings`.

    Raises:
      UserError: a value is invalid; the message has the key, the value, what was expected, and the nearest known name.
    """
    if not isinstance(values, Mapping):
        raise UserError(f"{where or 'configuration'}: got {shown(values)}, expected a table of settings.")
    if is_section_of_choices(kind):
        kind, values = _choose(kind, values, where, allow_code)
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    arguments = {}
    for key, value in values.items():
        name = f"{where}.{key}" if where else str(key)
        if key not in fields:
            raise UserError(f"{name}: no such setting{nearest(str(key), fields)}. There are: {', '.join(fields)}.")
        if dataclasses.is_dataclass(hints[key]):
            arguments[key] = from_dict(hints[key], value, name, allow_code)
        elif fields[key].metadata["each"]:
            allowed = {other: (hints[other], fields[other].metadata) for other in fields[key].metadata["each"]}
            arguments[key] = _tables(allowed, value, name)
        else:
            arguments[key] = _convert(hints[key], value, name, fields[key].metadata)
    return kind(**arguments)


def chosen(section: type, name: Any, allow_code: Collection[str] | None = None) -> Any:
    """The dataclass of the named choice in a section of choices.

    Raises:
      UserError: the name is not text; or as `tfvae.catalog.settings`.
    """
    kind = section.kind  # type: ignore[attr-defined]
    return catalog.settings(kind, _text(name, f"{kind}.name"), allow_code)


def _choose(section: Any, values: Mapping[str, Any], where: str, allow_code: Any) -> tuple[Any, dict[str, Any]]:
    name = _text(values.get("name", section.name), f"{section.kind}.name")
    choice = chosen(section, name, allow_code)
    unset = [key for key in choice.becomes if _is_unset(values.get(key), f"{where or section.kind}.{key}")]
    values = {key: value for key, value in values.items() if key not in unset}
    for key, other in choice.becomes.items():
        if key in values:
            name, choice = other, chosen(section, other)
            break
    for key in values:
        if key not in names(choice):
            raise UserError(_unknown_setting(section.kind, name, choice, str(key), where or section.kind))
    return choice, {**values, "name": name}


def _unknown_setting(kind: str, name: str, choice: Any, key: str, where: str) -> str:
    others = catalog.having(kind, key)
    if not others:
        known = names(choice)
        elsewhere = [field for other in catalog.names(kind) for field in names(catalog.settings(kind, other))]
        hint = nearest(key, known) or nearest(key, elsewhere)
        return f"{where}.{key}: no such setting{hint}. There are: {', '.join(known)}."
    fix = f"set {where}.name={others[0]}" if len(others) == 1 else f"set {where}.name to one of those"
    return f"{where}.{key}: is a setting of {listed(others)}, not of {name}; {fix}, or leave it out."


def _tables(allowed: Mapping[str, Any], tables: Any, where: str) -> dict[str, dict[str, Any]]:
    """Converts a table of tables; each setting has the type and limits of the setting of that name in the section."""
    if isinstance(tables, Typed):
        tables = tables.as_yaml(where)
    if not isinstance(tables, Mapping):
        raise UserError(
            f"{where}: got {shown(tables)}, expected a table of tables, as in {{critic: {{learning_rate: 0.001}}}}."
        )
    converted: dict[str, dict[str, Any]] = {}
    for name, table in tables.items():
        if isinstance(table, Typed):
            table = table.as_yaml(f"{where}.{name}")
        if not isinstance(table, Mapping):
            raise UserError(f"{where}.{name}: got {shown(table)}, expected a table of settings.")
        for key in table:
            if key not in allowed:
                hint = nearest(str(key), allowed)
                raise UserError(f"{where}.{name}.{key}: no such setting{hint}. There are: {', '.join(allowed)}.")
        converted[str(name)] = {
            str(key): _convert(allowed[key][0], value, f"{where}.{name}.{key}", allowed[key][1])
            for key, value in table.items()
        }
    return converted


def _convert(hint: Any, value: Any, name: str, limits: Mapping[str, Any]) -> Any:
    optional = isinstance(hint, types.UnionType)
    if optional:
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if hint is str:
        value = _as_typed(value, name, optional, limits["choices"])
    elif isinstance(value, Typed):
        value = value.as_yaml(name)
    if optional and resolved(value) is None:
        return None
    if typing.get_origin(hint) is tuple:
        return _convert_tuple(hint, value, name, limits)
    value = resolved(value)
    if hint is float and isinstance(value, str):
        value = _number(value)  # YAML 1.1 reads 1e-3 as text
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        expected = {int: "an integer", float: "a number", str: "text", bool: "true or false"}[hint]
        raise UserError(f"{name}: got {shown(value)}, expected {expected}.")
    if limits["choices"] and value not in limits["choices"]:
        choices, hint = ", ".join(limits["choices"]), nearest(str(value), limits["choices"])
        raise UserError(f"{name}: got {value!r}{hint}, expected one of {choices}.")
    _check_range(value, name, limits)
    return value


def _as_typed(value: Any, name: str, optional: bool = False, choices: tuple[str, ...] = ()) -> Any:
    """The value of a text setting: its text, but None where a file has null; true and false are on and off."""
    if isinstance(value, Typed):
        value = value.as_yaml(name) if choices else value.as_text()
    word = resolved(value) if isinstance(value, Scalar) else value
    if isinstance(word, bool) and "on" in choices and str(value) not in choices:
        return "on" if word else "off"
    if isinstance(value, Scalar) and word is None and (optional or not value):
        return None
    return str(value) if isinstance(value, str) else value


def _text(value: Any, name: str) -> str:
    """The text of a setting that is read before its section is known."""
    value = _as_typed(value, name)
    if not isinstance(value, str):
        raise UserError(f"{name}: got {shown(value)}, expected text.")
    return value


def _is_unset(value: Any, name: str) -> bool:
    value = resolved(value.as_yaml(name) if isinstance(value, Typed) else value)
    return value is None or value is False


def _convert_tuple(hint: Any, value: Any, name: str, limits: Mapping[str, Any]) -> Any:
    arguments = typing.get_args(hint)
    if not isinstance(value, (list, tuple)):
        raise UserError(f"{name}: got {shown(value)}, expected a list such as [1, 2].")
    if arguments[-1] is not Ellipsis and len(value) != len(arguments):
        raise UserError(f"{name}: got {len(value)} values, expected {len(arguments)}.")
    return tuple(_convert(arguments[0], item, name, limits) for item in value)


def _check_range(value: Any, name: str, limits: Mapping[str, Any]) -> None:
    if isinstance(value, (str, bool)):
        return
    if value != value or value in (float("inf"), float("-inf")):
        raise UserError(f"{name}: got {value}, expected a finite number.")
    if limits["minimum"] is not None and value < limits["minimum"]:
        raise UserError(f"{name}: got {value}, expected at least {limits['minimum']}.")
    if limits["above"] is not None and value <= limits["above"]:
        raise UserError(f"{name}: got {value}, expected more than {limits['above']}.")
    if limits["maximum"] is not None and value > limits["maximum"]:
        raise UserError(f"{name}: got {value}, expected at most {limits['maximum']}.")


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text
