"""The file that a sound is read from, or the actual reason why it cannot be read."""

import contextlib
import errno
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

STANDARD_INPUT = "-"
_REASONS = {
    errno.ENOENT: "there is no such file; check its name",
    errno.ENOTDIR: "a part of this path is a file, not a folder; check its name",
    errno.ELOOP: "this is a link that leads to itself; name the file it should lead to",
    errno.ENAMETOOLONG: "the name is longer than file names can be; check it",
    errno.EACCES: "you may not read this file; change its permissions (chmod +r), or copy it",
    errno.EPERM: "you may not read this file; change its permissions (chmod +r), or copy it",
}


class Source(NamedTuple):
    """A regular file that can be read, and its name in messages."""

    name: str
    path: Path


@contextlib.contextmanager
def source(path: str | os.PathLike) -> Iterator[Source]:
    """Check a file; pipes and "-", the standard input, are copied to a temporary file first."""
    if os.fspath(path) == STANDARD_INPUT:
        with _copied("standard input", _standard_input(), "stdin") as copy:
            yield copy
        return
    path = Path(path)
    with _open(path) as file:
        mode = os.fstat(file.fileno()).st_mode
        if stat.S_ISFIFO(mode):
            with _copied(str(path), file, path.name) as copy:
                yield copy
            return
    if not stat.S_ISREG(mode):
        raise ValueError(f"{path}: this is a device, not a file; name a file.")
    if path.stat().st_size == 0:
        raise ValueError(f"{path}: the file is empty (0 bytes); copy or record it again.")
    yield Source(str(path), path)


def _open(path: Path) -> BinaryIO:
    """Return the file, open for reading; raise a `ValueError` if it cannot be opened."""
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            raise ValueError(f"{path}: this is a folder; name a file.")
        return path.open("rb")
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, f"it cannot be opened ({error.strerror})")
        if error.errno == errno.ENOENT and path.is_symlink():
            reason = f"this is a link to {os.readlink(path)}, which does not exist; restore it"
        elif str(path).lower().startswith(("http:", "https:", "ftp:")):
            reason = "this is an address, not a file; download it first"
        elif error.errno == errno.ENOENT and not path.parent.exists():
            reason = f"there is no folder {path.parent}; check its name"
        raise ValueError(f"{path}: {reason}.") from error


def _standard_input() -> BinaryIO:
    if sys.stdin is None or sys.stdin.closed:
        raise ValueError("standard input: it is closed; name a file.")
    if sys.stdin.isatty():
        raise ValueError(
            "standard input: it is a terminal; name a file, or redirect the input from one with <."
        )
    return sys.stdin.buffer


@contextlib.contextmanager
def _copied(name: str, stream: BinaryIO, file_name: str) -> Iterator[Source]:
    with tempfile.TemporaryDirectory(prefix="jtfs_jax-") as folder:
        path = Path(folder) / file_name
        with path.open("wb") as file:
            shutil.copyfileobj(stream, file)
        if path.stat().st_size == 0:
            raise ValueError(f"{name}: nothing came from it; did the program before it fail?")
        yield Source(name, path)
