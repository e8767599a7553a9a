"""Cache of compiled programs in a folder of the user.

JAX writes and reads the programs under keys that include versions, settings and the features of
the processor. As they are executable code, only the user may write there. A faulty cache is never
an error: programs that cannot be read are compiled again.
"""

import contextlib
import os
import re
import stat
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
from jaxlib.version import __version__ as _jaxlib_version

_SWITCH = "JTFS_JAX_NO_CACHE"
_LARGEST = 200_000_000  # bytes of all programs together
_FAULT = re.compile(r"Error (reading|writing) persistent compilation cache entry for '(.+?)'")


@contextlib.contextmanager
def kept_programs(*, wanted: bool) -> Iterator[None]:
    """Within this block, JAX caches what it compiles if `wanted`; otherwise it has no cache at all.

    If the user has configured a cache folder for JAX itself, that folder is used.
    """
    config: Any = jax.config  # its attributes are not declared
    if not wanted or os.environ.get(_SWITCH, "0") not in ("", "0"):
        config.update("jax_enable_compilation_cache", val=False)
    is_free = config.jax_enable_compilation_cache and config.jax_compilation_cache_dir is None
    folder = _private_folder() if is_free else None
    if folder is None:
        yield
        return
    config.update("jax_compilation_cache_dir", str(folder))
    config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    with _without_faults(folder):
        yield
    _drop_oldest(folder.parent)


def _private_folder() -> Path | None:
    """Return the folder of programs, created if missing, or None if there is no private one."""
    caches = _caches_of_user()
    own = caches / "jtfs_jax"
    folder = own / f"jaxlib-{_jaxlib_version}"
    try:
        if not caches.is_absolute():
            return None
        for path in (caches, own, folder):
            path.mkdir(mode=0o700, exist_ok=True)
        is_private = _is_own(caches) and _is_private(own) and _is_private(folder)
    except OSError:
        return None
    return folder if is_private else None


def _caches_of_user() -> Path:
    """Return the user's cache folder; a relative path if the environment does not give it."""
    if os.path.isabs(path := os.environ.get("XDG_CACHE_HOME", "")):
        return Path(path)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", ""))
    return Path(
        os.environ.get("HOME", ""), "Library/Caches" if sys.platform == "darwin" else ".cache"
    )


def _is_private(folder: Path) -> bool:
    return _is_own(folder) and not folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _is_own(folder: Path) -> bool:
    # Windows has no such user IDs; its folder is private by default.
    return sys.platform == "win32" or folder.stat().st_uid == os.geteuid()


@contextlib.contextmanager
def _without_faults(folder: Path) -> Iterator[None]:
    """Suppress warnings about programs that cannot be written or read; remove unreadable programs.

    All files of such a program are removed together; otherwise JAX would keep the faulty file.
    """
    show = warnings.showwarning

    def show_others(message, *args, **kwargs):
        fault = _FAULT.match(str(message))
        if fault is None:
            show(message, *args, **kwargs)
        elif fault[1] == "reading":
            for path in folder.glob(f"{fault[2]}-*"):
                with contextlib.suppress(OSError):
                    path.unlink()

    warnings.showwarning = show_others
    try:
        yield
    finally:
        warnings.showwarning = show


def _drop_oldest(folder: Path) -> None:
    """Remove the least recently used files, of all versions, until the rest is small enough."""
    with contextlib.suppress(OSError):  # another process may do the same
        files = [(path, path.stat()) for path in folder.rglob("*") if path.is_file()]
        excess = sum(found.st_size for _, found in files) - _LARGEST
        for path, found in sorted(files, key=lambda file: max(file[1].st_atime, file[1].st_mtime)):
            if excess <= 0:
                break
            path.unlink()
            excess -= found.st_size
