"""The command line, run within the test process and as a separate process."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from subprocess import PIPE
from typing import Any

from jtfs_jax._cli import main

_REPOSITORY = Path(__file__).parents[1]
_CACHES = tempfile.TemporaryDirectory()  # replaces the user's cache, for all programs of a worker


def run(*arguments):
    """Exit status, whether it is returned or raised."""
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
    """Start the program as a process with captured output, with little and cached compilation."""
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
    """Exit status, standard output and standard error; "" for streams that are not captured."""
    out, err = process.communicate(timeout=timeout)
    return process.returncode, (out or b"").decode(), (err or b"").decode()
