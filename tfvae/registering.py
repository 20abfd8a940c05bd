"""Registers tfvae's classes with Keras once Keras is imported, so that `keras.models.load_model` knows them.

Importing tfvae must not import Keras, which takes seconds; so the classes are registered when somebody else imports it.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

from tfvae import catalog


class _AfterKeras(importlib.abc.MetaPathFinder):
    """Takes part in every import until Keras is loaded and the classes are registered; finds no module but Keras."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The specification of `keras`, as the other finders have it, with a loader that registers the classes."""
        if name != "keras":
            self.register()
            return None
        sys.meta_path.remove(self)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            sys.meta_path.insert(0, self)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self)
        return spec

    def register(self) -> None:
        """Registers the classes if Keras and all modules of tfvae are loaded; else the next import tries again."""
        # Keras may be imported by one of our own modules, whose classes are then only half defined.
        modules = [module for name, module in list(sys.modules.items()) if name.startswith(("tfvae.", "keras"))]
        loaded = not any(getattr(getattr(module, "__spec__", None), "_initializing", False) for module in modules)
        if "keras" in sys.modules and loaded and self in sys.meta_path:
            sys.meta_path.remove(self)
            catalog.import_saved()


class _Loader(importlib.abc.Loader):
    def __init__(self, loader: importlib.abc.Loader, finder: _AfterKeras) -> None:
        self._loader, self._finder = loader, finder

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        assert module.__spec__ is not None
        module.__spec__._initializing = False  # type: ignore[attr-defined]
        self._finder.register()


_finder = _AfterKeras()
register = _finder.register


def register_with_keras() -> None:
    """Registers the classes now if Keras is imported, else once it is."""
    sys.meta_path.insert(0, _finder)
    register()
