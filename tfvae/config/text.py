"""Values of settings before their type is known: text settings take their text as typed, all others YAML's value.

YAML reads `2024-01-05` as a date, `NO` as false and `photos #2` as `photos`. Which of them is meant depends on the
setting, so both readings are kept until it is known.
"""

from __future__ import annotations

import reprlib
from typing import Any

import yaml

from tfvae.errors import UserError


class Scalar(str):
    """The text of an unquoted value in YAML; `value` is what YAML reads it as."""

    value: Any

    def __new__(cls, text: str, value: Any) -> Scalar:
        made = super().__new__(cls, text)
        made.value = value
        return made


class Typed(str):
    """The text after the `=` of an assignment."""

    def as_text(self) -> str | None:
        """The text without the quotes around it; None: there is none."""
        quoted = len(self) > 1 and self[0] == self[-1] and self[0] in "'\""
        return (self[1:-1] if quoted else str(self)) or None

    def as_yaml(self, name: str) -> Any:
        """What `load` makes of it; `name` is the setting's in messages."""
        try:
            return load(self)
        except ValueError as error:
            raise UserError(f"--set {name}={self}: the value is not YAML ({error}).") from error


class _Loader(yaml.SafeLoader):
    def construct_object(self, node: Any, deep: bool = False) -> Any:
        plain = isinstance(node, yaml.ScalarNode) and node.style is None
        try:
            value = super().construct_object(node, deep)
        except ValueError:  # of an invalid date, such as 2026-99-99
            value = node.value
        return Scalar(node.value, value) if plain else value


def load(text: str) -> Any:
    """Reads YAML; unquoted values are Scalars.

    Raises:
      ValueError: the text is not YAML, or a list or table in it contains itself; the message is one line.
    """
    try:
        found = yaml.load(text, _Loader)
        resolved(found)
    except yaml.YAMLError as error:
        # PyYAML's full message names a file that does not exist.
        raise ValueError(" ".join(str(getattr(error, "problem", None) or error).split())) from error
    except RecursionError:
        raise ValueError("it is nested too deeply, or contains itself") from None
    return found


def resolved(value: Any) -> Any:
    """YAML's values in place of all Scalars."""
    return _resolved(value, {})


def _resolved(value: Any, made: dict[int, Any]) -> Any:
    if isinstance(value, Scalar):
        return value.value
    if id(value) in made:  # a value that is referred to a thousand times is converted once
        return made[id(value)]
    found = value
    if isinstance(value, dict):
        found = {key: _resolved(item, made) for key, item in value.items()}
    elif isinstance(value, list):
        found = [_resolved(item, made) for item in value]
    made[id(value)] = found
    return found


def shown(value: Any) -> str:
    """The value in a message, shortened if it is long."""
    return _SHORT.repr(resolved(value))


_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother, _SHORT.maxlong = 4, 200, 200, 200
