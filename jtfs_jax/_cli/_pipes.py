"""Copies of standard input ("-") and pipes, because commands read a recording more than once."""

import atexit
import contextlib
import stat
from pathlib import Path

from jtfs_jax._sounds._source import STANDARD_INPUT, source

from . import _interrupt

_opened = contextlib.ExitStack()  # the copies, until the process ends
_copies: dict[Path, Path] = {}
_names: dict[Path, str] = {}


def as_file(path: Path) -> Path:
    """Return the path itself, or a file with a copy of the data from a pipe."""
    if path in _copies:
        return _copies[path]
    if str(path) != STANDARD_INPUT and not _is_pipe(path):
        return path
    if not _copies:
        atexit.register(_opened.close)
        _interrupt.at_end(_opened.close)  # signals end the process without `atexit`
    copy = _opened.enter_context(source(path))
    _copies[path], _names[copy.path] = copy.path, copy.name
    return copy.path


def _is_pipe(path: Path) -> bool:
    try:
        return stat.S_ISFIFO(path.stat().st_mode)
    except OSError:  # reported when the file is read
        return False


def with_names(text: str) -> str:
    """Return a message with the names of pipes instead of the paths of their copies."""
    for path, name in _names.items():
        text = text.replace(str(path), name)
    return text
