"""Every public name is documented, and every example in a docstring is true."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import tfvae


def _names() -> list[str]:
    found = [module.name for module in pkgutil.walk_packages(tfvae.__path__, "tfvae.")]
    return ["tfvae", *(name for name in found if not any(part.startswith("_") for part in name.split(".")))]


MODULES = _names()


def _public(module: ModuleType) -> dict[str, Any]:
    """Public classes and functions that the module defines, and the public methods and properties of its classes."""
    found = {}
    for name, value in vars(module).items():
        here = getattr(value, "__module__", None) == module.__name__
        if name.startswith("_") or not here or not (inspect.isclass(value) or inspect.isfunction(value)):
            continue
        found[name] = value
        if inspect.isclass(value):
            members = {k: v for k, v in vars(value).items() if not k.startswith("_")}
            kinds = (staticmethod, classmethod, property)
            found |= {f"{name}.{k}": v for k, v in members.items() if inspect.isfunction(v) or isinstance(v, kinds)}
    return found


def _documented(name: str, module: ModuleType, value: Any) -> bool:
    if isinstance(value, (staticmethod, classmethod)):
        value = value.__func__
    if value.__doc__:
        return True
    # A method that overrides a documented one says nothing new.
    owner, _, method = name.partition(".")
    bases = inspect.getmro(getattr(module, owner))[1:] if method else ()
    return any(getattr(vars(base).get(method), "__doc__", None) for base in bases)


def test_the_walk_sees_the_whole_package() -> None:
    assert {"tfvae.models.vae", "tfvae.noise", "tfvae.networks.conv", "tfvae.runs.keras_files"} <= set(MODULES)


@pytest.mark.parametrize("name", tfvae.__all__)
def test_a_public_name_is_there_and_has_a_docstring(name: str) -> None:
    value = getattr(tfvae, name)
    assert len(inspect.getdoc(value) or "") > 20
    assert value.__name__ == name
    assert name in dir(tfvae)


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        tfvae.nothing  # noqa: B018


@pytest.mark.parametrize("name", MODULES)
def test_everything_public_in_a_module_has_a_docstring(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    bare = [key for key, value in _public(module).items() if not _documented(key, module, value)]
    assert bare == []


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_are_true(name: str) -> None:
    module = importlib.import_module(name)
    finder = doctest.DocTestFinder(exclude_empty=True)
    for example in finder.find(module, extraglobs={"np": np}):
        runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
        said: list[str] = []
        runner.run(example, out=said.append)
        assert runner.failures == 0, "".join(said)
