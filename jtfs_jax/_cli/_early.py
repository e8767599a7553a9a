"""Imported first of all: what the program has to do before JAX is imported."""

import os
import sys
from pathlib import PurePath

from . import _interrupt

_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_DEFAULT = "1"  # of JAX, which leaves it to all processes that a program starts


def _is_program() -> bool:
    """Whether this process is `jtfs-jax` or `python -m jtfs_jax`, whose `argv` is not yet ready."""
    if sys.argv[:1] == ["-m"]:
        return not {"jtfs_jax", "-mjtfs_jax"}.isdisjoint(sys.orig_argv)
    return bool(sys.argv) and PurePath(sys.argv[0]).stem == "jtfs-jax"


if _is_program():
    _interrupt.watch()  # so that Ctrl-C is answered from the start
    # Some versions of jaxlib, such as 0.10.1, take what is in the cache for programs of another
    # machine, and say so of each. What fails is an exception, whatever is logged.
    if os.environ.get(_LOG_LEVEL, _DEFAULT) == _DEFAULT:
        os.environ[_LOG_LEVEL] = "3"
