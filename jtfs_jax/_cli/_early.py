"""Imported first of all: where the program starts, Ctrl-C is answered while JAX is imported."""

import sys
from pathlib import PurePath

from . import _interrupt


def _is_program() -> bool:
    """Whether this process is `jtfs-jax` or `python -m jtfs_jax`, whose `argv` is not yet ready."""
    if sys.argv[:1] == ["-m"]:
        return not {"jtfs_jax", "-mjtfs_jax"}.isdisjoint(sys.orig_argv)
    return bool(sys.argv) and PurePath(sys.argv[0]).stem == "jtfs-jax"


if _is_program():
    _interrupt.watch()
