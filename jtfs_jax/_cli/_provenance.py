"""Provenance of results for their records."""

import datetime
import importlib.metadata
import platform
from collections.abc import Sequence
from typing import Any

import jax

_PACKAGES = ("jtfs_jax", "jax", "jaxlib", "equinox", "numpy", "optax", "soundfile", "soxr")


def provenance(commands: Sequence[str]) -> dict[str, Any]:
    """Return the date, the command and the earlier commands of the run, versions, and machine."""
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "command": commands[-1],
        "earlier_commands": list(commands[:-1]),
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in _PACKAGES},
        },
        "platform": {
            "system": platform.platform(),
            "machine": platform.machine(),
            "device": jax.devices()[0].device_kind,
        },
    }
