"""The command line, within the process of the tests and as a process of its own."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from subprocess import PIPE
from typing import Any

from jtfs_jax._cli import main

_REPOSITORY = Path(__file__).parents[1]
_CACHES = tempfile.TemporaryDirectory()  # instead of the user's, for all programs of a worker


def run(*arguments):
    """The exit status, whether it is returned or raised."""
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as exit:
        return exit.code


def start(
    *arguments,
    program=("-m", "jtfs_jax"),
    env=None,
    cwd=None,
    stdout: Any = PIPE,
    stderr: Any = PIPE,
):
    """The program, as a process whose output is collected, compiling little and that once."""
    paths = [str(_REPOSITORY), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "XDG_CACHE_HOME": _CACHES.name,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
    }
    return subprocess.Popen(
        [sys.executable, *program, *map(str, arguments)],
        env=environment | (env or {}),
        cwd=cwd,
        stdout=stdout,
        stderr=stderr,
    )


def finish(process, timeout=100):
    """Exit status, standard output and standard error; of those that are not collected, ""."""
    out, err = process.communicate(timeout=timeout)
    return process.returncode, (out or b"").decode(), (err or b"").decode()
