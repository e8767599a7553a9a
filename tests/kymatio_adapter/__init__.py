"""Kymatio's interface over `jtfs_jax`, so that Kymatio's own tests can be run against it.

As a pytest plugin (`-p kymatio_adapter`), it calls `install` to provide modules with Kymatio's
names. It is written from Kymatio's documentation and contains no code of Kymatio.
"""

import sys
from types import ModuleType
from typing import Any

import jax

from . import _backends, _classes, _filters, _steps


def pytest_configure() -> None:
    """Hook called by pytest before collection."""
    jax.config.update("jax_disable_most_optimizations", True)  # most programs run once
    install()


def install() -> None:
    """Install modules named kymatio, and a stand-in for TensorFlow, which the tests import."""
    sys.modules.setdefault("tensorflow", ModuleType("tensorflow"))
    entries = {"Scattering1D": _classes.scattering, "TimeFrequencyScattering": _classes.joint}
    _module("kymatio", **entries)
    _module("kymatio.numpy", **entries)
    _module("kymatio.jax", TimeFrequencyScattering=_classes.Jax)
    _module("kymatio.scattering1d")
    _module("kymatio.scattering1d.filter_bank", **_public(_filters))
    _module("kymatio.scattering1d.utils", **_public(_filters))
    _module("kymatio.scattering1d.core")
    _module("kymatio.scattering1d.core.scattering1d", **_public(_steps))
    _module("kymatio.scattering1d.core.timefrequency_scattering", **_public(_steps))
    _module("kymatio.scattering1d.backend")
    for name in _backends.NAMES:
        backend = _backends.Backend(name)
        _module(f"kymatio.scattering1d.backend.{name}_backend", backend=backend)
    _module("kymatio.scattering1d.frontend")
    frontends: dict[str, dict[str, Any]] = {
        "base": {"TimeFrequencyScatteringBase": _classes.Joint},
        "numpy": {
            "ScatteringNumPy1D": _classes.Scattering,
            "TimeFrequencyScatteringNumPy": _classes.Joint,
        },
        "torch": {"TimeFrequencyScatteringTorch": _classes.Torch},
    }
    for name, contents in frontends.items():
        _module(f"kymatio.scattering1d.frontend.{name}_frontend", **contents)


def _module(name: str, **contents: Any) -> None:
    module = ModuleType(name)
    module.__path__ = []
    vars(module).update(contents)
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)


def _public(module: ModuleType) -> dict[str, Any]:
    return {name: value for name, value in vars(module).items() if not name.startswith("_")}
