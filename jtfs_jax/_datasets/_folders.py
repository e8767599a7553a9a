"""Recordings and folders of recordings as input, and the same folders as output."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

# Suffixes of the files taken from folders; a file that is named directly may have any suffix.
_SUFFIXES = (
    ".aif .aifc .aiff .au .caf .flac .m4a .mka .mp2 .mp3 .mp4 .oga .ogg .opus .rf64 .snd .sph .w64 "
    ".wav .wave .webm .wma .wv"
)
SUFFIXES = frozenset(_SUFFIXES.split())


class Found(NamedTuple):
    """Recordings, the folder for the result of each, and the number of other files."""

    recordings: list[Path]
    folders: list[Path]  # relative to the output
    n_skipped: int


def find(arguments: Sequence[Path]) -> Found:
    """Find recordings among files and in folders, and the folders that contain them.

    The folders are relative to the innermost folder that contains all arguments.

    Raises:
        ValueError: If a folder has no recordings.
    """
    roots = [_absolute(path) if path.is_dir() else _absolute(path).parent for path in arguments]
    common = _common(roots)
    recordings, folders, n_skipped = [], [], 0
    for path in arguments:
        files = sorted(_files(path)) if path.is_dir() else [path]
        wanted = [file for file in files if not path.is_dir() or _is_recording(file)]
        if not wanted:
            raise ValueError(
                f"{path}: none of the {len(files)} files in this folder ends like a recording "
                f"(.wav, .flac, .ogg, .mp3, …); name another folder, or the files themselves."
            )
        recordings += wanted
        folders += [_relative(_absolute(file).parent, common) for file in wanted]
        n_skipped += len(files) - len(wanted)
    return Found(recordings, folders, n_skipped)


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # without "..", which would lead out of the output


def _common(folders: Sequence[Path]) -> Path | None:
    try:
        return Path(os.path.commonpath(folders))
    except ValueError:  # different drives have no common folder
        return None


def _relative(folder: Path, common: Path | None) -> Path:
    return Path(folder.name) if common is None else folder.relative_to(common)


def _is_recording(file: Path) -> bool:
    return file.suffix.lower() in SUFFIXES and not file.name.startswith(".")


def _files(folder: Path) -> Iterator[Path]:
    """Yield all files below a folder, including linked folders; visit each folder only once."""

    def fail(error: OSError) -> None:
        raise error

    seen = set()
    for parent, names, files in os.walk(folder, followlinks=True, onerror=fail):
        real = os.path.realpath(parent)
        if real in seen:
            names.clear()
            continue
        seen.add(real)
        names[:] = sorted(name for name in names if not name.startswith("."))
        yield from (Path(parent, name) for name in files)
