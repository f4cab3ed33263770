"""What every package of the library obeys: names that lead where they say."""

import importlib
import pkgutil
from types import ModuleType

import pytest

import fabric

PACKAGES = ["fabric"] + [m.name for m in pkgutil.walk_packages(fabric.__path__, "fabric.") if m.ispkg]


@pytest.mark.parametrize("name", PACKAGES)
def test_no_name_of_a_package_shadows_one_of_its_modules(name):
    package = importlib.import_module(name)
    modules = [module.name for module in pkgutil.iter_modules(package.__path__)]
    before = [module for module in modules if not isinstance(getattr(package, module, package), ModuleType)]
    for module in list(modules):
        try:
            importlib.import_module(f"{name}.{module}")
        except ModuleNotFoundError as error:
            assert error.name == "triton"  # an extra; what needs it is imported where it is there
            modules.remove(module)
    assert before + [module for module in modules if not isinstance(getattr(package, module), ModuleType)] == []


@pytest.mark.parametrize("name", PACKAGES)
def test_a_contents_page_names_only_what_is_there(name):
    package = importlib.import_module(name)
    names = getattr(package, "__all__", [])
    assert sorted(set(names)) == sorted(names)
    assert [missing for missing in names if not hasattr(package, missing)] == []
