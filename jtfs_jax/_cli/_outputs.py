"""Output files of commands: default names, and checks before any work."""

import argparse
import errno
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from jtfs_jax._files import check_writable

_BLOCK = 4096  # bytes; a file takes up whole blocks


def named_after(recording: Path | None, purpose: str, suffix: str) -> Path:
    """Return the default output: `bird-plot.png`, or `plot.png` for the bundled recording."""
    if recording is None:
        return Path(f"{purpose}{suffix}")
    return Path(f"{stem_of(recording)}-{purpose}{suffix}")


def stem_of(recording: Path) -> str:
    """Return the name of a recording without its extension; "stdin" for standard input."""
    return "stdin" if str(recording) == "-" else recording.stem


def check_outputs(
    outputs: Iterable[tuple[Path, Path]],
    options: argparse.Namespace,
    *,
    within: Path | None = None,
    cure: str = "",
) -> None:
    """Raise a `ValueError` if one of the files cannot, or must not, be written.

    Args:
        outputs: Files, each with the recording that it is made from.
        options: Options of the command; only `overwrite` is used.
        within: A folder in which missing folders will be created.
        cure: Another cure to suggest if a file exists.
    """
    existing = []
    for output, source in outputs:
        check_writable(output if within is None else _in_known_folder(output, within))
        if output.is_dir():
            raise ValueError(f"{output}: this is a folder; use another name.")
        if output.exists():
            if source.exists() and output.samefile(source):
                raise ValueError(f"{output}: this is the recording itself; give another --output.")
            existing.append(output)
    if existing and not options.overwrite:
        more = f", and so do {len(existing) - 1} more" if len(existing) > 1 else ""
        raise ValueError(
            f"{existing[0]}: this file exists{more}; give another --output, {cure}or --overwrite "
            f"to replace {'them' if more else 'it'}."
        )


def _in_known_folder(output: Path, within: Path) -> Path:
    """Return the output, or the outermost missing folder on the path to it."""
    path = output
    while path.parent != within and not path.parent.exists() and path.parent != path:
        path = path.parent
    return path


def check_room(path: Path, n_bytes: int) -> None:
    """Raise an `OSError` if the disk has no room for files with this total size."""
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    free = shutil.disk_usage(folder).free
    wanted = n_bytes + _BLOCK
    if free < wanted:
        raise OSError(
            errno.ENOSPC,
            f"{_size(wanted)} are needed, but the disk has {_size(free)} free",
            os.fspath(path),
        )


def _size(n_bytes: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.3g} GB"
