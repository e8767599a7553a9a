"""Files that are written completely or not at all."""

import contextlib
import errno
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

_LONGEST_STEM = 32  # bytes of a name to keep, so that additions do not make it too long
_LONGEST_SUFFIX = 8  # characters; suffixes of real formats are no longer
_partial: set[Path] = set()  # paths being written


def check_writable(path: str | os.PathLike) -> Path:
    """Return the path, or raise a `ValueError` that says why no file can be written there."""
    path = Path(path)
    if path.parent.is_file():
        raise ValueError(f"{path}: {path.parent} is a file, not a folder; write elsewhere.")
    if not path.parent.is_dir():
        raise ValueError(
            f"{path}: there is no folder {path.parent}; create it first, or write elsewhere."
        )
    if _is_too_long(path):
        raise ValueError(f"{path}: the name is too long for a file; shorten it.")
    if path.is_dir():
        raise ValueError(f"{path}: this is a folder; write under another name.")
    if not os.access(path.parent, os.W_OK):
        raise ValueError(f"{path}: the folder {path.parent} is read-only; write elsewhere.")
    return path


def _is_too_long(path: Path) -> bool:
    try:
        path.lstat()
    except OSError as error:
        return error.errno == errno.ENAMETOOLONG
    return False


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary path next to `path`, to be moved to `path` if the block succeeds.

    It has the same suffix, from which libraries infer formats. If the block fails, `path` stays as
    it was and the temporary file is removed.
    """
    path = Path(path)
    stem = path.stem.encode("utf-8", "ignore")[:_LONGEST_STEM].decode("utf-8", "ignore")
    suffix = path.suffix if len(path.suffix) <= _LONGEST_SUFFIX else ""
    partial = path.with_name(f".{stem}-{uuid.uuid4().hex[:8]}.partial{suffix}")
    _partial.add(partial)
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(partial), partial):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        partial.unlink(missing_ok=True)
        _partial.discard(partial)


@contextlib.contextmanager
def replacing_folder(path: str | os.PathLike, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary folder next to `path`, to be moved to `path` if the block succeeds.

    Raises:
        FileExistsError: At the end, if `path` exists and may not be replaced.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name[:_LONGEST_STEM]}-{uuid.uuid4().hex[:8]}.partial")
    old = partial.with_suffix(".old")
    _partial.add(partial)
    try:
        yield partial
        if overwrite and path.exists():
            path.replace(old)
        try:
            partial.rename(path)
        except OSError as error:
            if path.exists():
                raise FileExistsError(errno.EEXIST, "already exists", str(path)) from error
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
        _partial.discard(partial)


def remove_partial() -> None:
    """Remove incomplete files, for a process that ends without running `finally`."""
    for partial in tuple(_partial):
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink(missing_ok=True)


def save_arrays(path: str | os.PathLike, arrays: Mapping[str, Any]) -> None:
    """Write arrays for `numpy.load` to exactly this path, completely or not at all."""
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez(file, **arrays)
