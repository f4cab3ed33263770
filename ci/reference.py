"""The reference of the library as pages for Sphinx: every public name, described in one place."""

import importlib
import pkgutil
from collections.abc import Mapping
from types import ModuleType

import fabric


def public_modules() -> list[str]:
    """The modules of the library that have public names, each in the place that a user imports it from."""
    walked = pkgutil.walk_packages(fabric.__path__, "fabric.")
    names = [module.name for module in walked if not any(part.startswith("_") for part in module.name.split("."))]
    return sorted(name for name in names if public_names(name))


def public_names(name: str) -> list[str]:
    """What a module offers: the names that it lists, or else those that it defines and that do not begin with _."""
    module = importlib.import_module(name)
    own = [key for key, value in vars(module).items() if getattr(value, "__module__", None) == name]
    return sorted(getattr(module, "__all__", [key for key in own if not key.startswith("_")]))


def homes(modules: list[str]) -> dict[int, str]:
    """Where each public class or function is described, by its identity: in the module with the shortest name."""
    found: dict[int, str] = {}
    for name in sorted(modules, key=lambda module: (module.count("."), module)):
        for member in public_names(name):
            found.setdefault(id(getattr(importlib.import_module(name), member)), name)
    return found


def described(name: str, home: Mapping[int, str]) -> str:
    """The page of a module: its own words and each public name, described here or where it is at home."""
    module = importlib.import_module(name)
    lines = [f"# {name}", "", "```{eval-rst}", f".. automodule:: {name}", "   :no-members:", ""]
    for member in public_names(name):
        value = getattr(module, member)
        if isinstance(value, ModuleType):
            lines += [f":doc:`{value.__name__}`", ""]
        elif home[id(value)] != name:
            lines += [f"``{member}``: see :doc:`{home[id(value)]}`", ""]
        elif isinstance(value, type):
            lines += [f".. autoclass:: {name}.{member}", "   :members:", "   :show-inheritance:", ""]
        elif getattr(value, "__name__", None) == member:
            lines += [f".. autofunction:: {name}.{member}", ""]
        else:
            lines += [f".. py:data:: {name}.{member}", f"   :type: {type(value).__name__}", ""]
    return "\n".join([*lines, "```", ""])
