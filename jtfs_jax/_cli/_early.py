"""Setup of the program that must precede the import of JAX; this module is imported first."""

import os
import sys
from pathlib import PurePath

from . import _interrupt

_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_DEFAULT = "1"  # set by JAX and inherited by all processes that a program starts


def _is_program() -> bool:
    """Return whether this is `jtfs-jax` or `python -m jtfs_jax`; `sys.argv` may be incomplete."""
    if sys.argv[:1] == ["-m"]:
        return not {"jtfs_jax", "-mjtfs_jax"}.isdisjoint(sys.orig_argv)
    return bool(sys.argv) and PurePath(sys.argv[0]).stem == "jtfs-jax"


if _is_program():
    _interrupt.watch()  # so that Ctrl-C works from the start
    # Some versions of jaxlib, such as 0.10.1, mistake each cached program for one from another
    # machine and log a message. Real failures raise exceptions, whatever is logged.
    if os.environ.get(_LOG_LEVEL, _DEFAULT) == _DEFAULT:
        os.environ[_LOG_LEVEL] = "3"
