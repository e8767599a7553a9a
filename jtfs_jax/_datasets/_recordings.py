"""Recordings as named on the command line: files, folders, patterns and lists."""

import csv
import glob
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from ._folders import find

LISTS = (".csv", ".jsonl")
_OWN = ("path", "start", "duration")  # columns that are not labels
_NONE: Mapping[str, str] = MappingProxyType({})


class Recording(NamedTuple):
    """A part of a file, and its labels.

    Attributes:
        path: The file, or None for the bundled recording.
        folder: Folder for its result, relative to the output.
        start: Start in seconds. None means as set by the options.
        duration: Duration in seconds. None means as set by the options.
        labels: Additional columns of the list that names it.
    """

    path: Path | None
    folder: Path = Path()
    start: float | None = None
    duration: float | None = None
    labels: Mapping[str, str] = _NONE

    @property
    def suffix(self) -> str:
        """Suffix of result names that distinguishes parts of a file."""
        return "" if self.start is None else f"@{self.start:g}"

    def span(self, start: float, duration: float | None) -> tuple[float, float | None]:
        """Return its start and duration, with the arguments in place of None."""
        return (
            start if self.start is None else self.start,
            duration if self.duration is None else self.duration,
        )


class Found(NamedTuple):
    """Recordings, and the number of files that are not recordings."""

    recordings: list[Recording]
    n_skipped: int = 0


def recordings(arguments: Sequence[Path]) -> Found:
    """Return all recordings named by the arguments: files and folders first, then lists.

    Raises:
        ValueError: If a folder, a pattern or a list has no recordings, or if a list is malformed.
    """
    if not arguments:
        return Found([Recording(None)])
    lists = [path for path in arguments if _is_list(path)]
    files = [path for given in arguments if given not in lists for path in _matches(given)]
    found, n_skipped = [], 0
    if files:
        in_folders = find(files)
        n_skipped = in_folders.n_skipped
        pairs = zip(in_folders.recordings, in_folders.folders, strict=True)
        found = [Recording(path, folder) for path, folder in pairs]
    for path in lists:
        found += read_list(path)
    return Found(found, n_skipped)


def _is_list(path: Path) -> bool:
    return path.suffix.lower() in LISTS and not path.is_dir()


def _matches(path: Path) -> list[Path]:
    """Return the path or, if it does not exist and is a pattern, all paths that match it."""
    if path.exists() or not glob.has_magic(str(path)):
        return [path]
    found = sorted(map(Path, glob.glob(str(path), recursive=True)))
    if not found:
        raise ValueError(f"{path}: no file matches this pattern; check it.")
    return found


def read_list(path: Path) -> list[Recording]:
    """Read recordings from a CSV file with a header, or a file with one JSON object per line.

    Each has a `path`, relative to the folder of the list, and may have `start` and `duration` in
    seconds. Other columns are labels.
    """
    rows = list(_rows(path))
    if not rows:
        raise ValueError(f"{path}: this list has no recordings; add some below its header.")
    return [_recording(path, number, row) for number, row in rows]


def text_of(path: Path, kind: str) -> str:
    """Read the text of a list or a table written by the user."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ValueError(f"{path}: this {kind} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: this {kind} must be text in UTF-8; convert it.") from error


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    text = text_of(path, "list")
    if path.suffix.lower() == ".csv":
        reader = csv.DictReader(text.splitlines())
        if "path" not in (reader.fieldnames or ()):
            raise ValueError(
                f"{path}: the first line of this list must name its columns, one of which is "
                f"path, got {', '.join(reader.fieldnames or ()) or 'none'}."
            )
        yield from ((reader.line_num, row) for row in reader)
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise ValueError(f"{path}: line {number} is not JSON ({error}).") from error
            if not isinstance(row, dict):
                raise ValueError(f"{path}: line {number} must be a JSON object with a path.")
            yield number, row


def _recording(path: Path, number: int, row: dict[str, Any]) -> Recording:
    if None in row or (None in row.values() and path.suffix.lower() == ".csv"):
        raise ValueError(f"{path}: line {number} must have as many columns as the first line.")
    name = row.get("path")
    if not isinstance(name, str) or not name:
        raise ValueError(f"{path}: line {number} has no path.")
    start, duration = (_seconds(path, number, key, row.get(key)) for key in ("start", "duration"))
    labels = {key: _text(value) for key, value in row.items() if key not in _OWN}
    return Recording(path.parent / name, Path(name).parent, start, duration, labels)


def _seconds(path: Path, number: int, name: str, value: Any) -> float | None:
    if value is None or value == "":
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not math.isfinite(seconds) or seconds < 0 or (name == "duration" and seconds == 0):
        rule = "a positive number" if name == "duration" else "a number of at least 0"
        raise ValueError(f"{path}: line {number}: {name} must be {rule}, got {value!r}.")
    return seconds


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
