"""Each public module lists its public names in `__all__`, and all of them have docstrings."""

import importlib
import inspect
import pkgutil
import subprocess
import sys
from types import ModuleType

import pytest

import jtfs_jax

MODULES = [
    "jtfs_jax",
    *(
        f"jtfs_jax.{module.name}"
        for module in pkgutil.iter_modules(jtfs_jax.__path__)
        if not module.name.startswith("_")
    ),
]
NEVER_IMPORTED = {"jtfs_jax.listening", "jtfs_jax.sklearn", "jtfs_jax.torch"}


@pytest.fixture(params=MODULES)
def module(request):
    if request.param == "jtfs_jax.torch":
        pytest.importorskip("torch")
    return importlib.import_module(request.param)


def looks_public(module: ModuleType, name: str, value: object) -> bool:
    """A package exports what it imports from itself; a module, what it defines."""
    if name.startswith("_"):
        return False
    if isinstance(value, ModuleType):
        return value.__name__ in set(MODULES) - NEVER_IMPORTED
    if hasattr(module, "__path__"):
        return True
    origin = value if callable(value) else type(value)
    return getattr(origin, "__module__", None) == module.__name__


def test_all_public_names_are_declared(module):
    found = {name for name, value in vars(module).items() if looks_public(module, name, value)}
    assert len(set(module.__all__)) == len(module.__all__)
    assert found == set(module.__all__)


def test_public_names_have_docstrings(module):
    assert inspect.getdoc(module)
    for name in module.__all__:
        value = getattr(module, name)
        if callable(value) or isinstance(value, ModuleType):
            assert (inspect.getdoc(value) or "").strip(), name
        else:  # a constant
            assert name in module.__doc__


def test_extras_are_not_imported_by_the_package():
    unwanted = NEVER_IMPORTED | {"sklearn", "torch"}
    program = f"import sys, jtfs_jax; assert {unwanted}.isdisjoint(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
