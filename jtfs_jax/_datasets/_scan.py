"""Lengths of recordings, and which of them cannot be read: every file is decoded once."""

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ._reading import ahead
from ._recordings import Recording
from ._store import Row


class Scanned(NamedTuple):
    """Recordings as rows of a store, and their labels by column."""

    rows: list[Row]
    columns: dict[str, list[str]]


def scan(
    recordings: Sequence[Recording],
    load: Callable[[Recording], np.ndarray],
    start: float,
    duration: float | None,
    report: Callable[[int, ValueError | None], None],
) -> Scanned:
    """Decode all recordings to determine the rows of a store.

    Args:
        recordings: Recordings with absolute paths.
        load: Reads a recording as `(time)`, or as `(channel, time)` for one row per channel.
        start: Default start of recordings without their own, in seconds.
        duration: Default duration of recordings without their own, in seconds.
        report: Called after each recording with the number of recordings so far and its error.
    """
    rows: list[Row] = []
    labels: list[Recording] = []
    names: set[str] = set()

    def shape_of(recording: Recording) -> tuple[int, ...]:
        return load(recording).shape

    for done, (recording, future) in enumerate(ahead(shape_of, recordings), start=1):
        error = future.exception()
        if error is not None and not isinstance(error, ValueError):
            raise error
        *channels, n_samples = (0,) if error is not None else future.result()
        seconds, longest = recording.span(start, duration)
        for channel in range(channels[0]) if channels else (-1,):
            rows.append(
                Row(
                    recording=_new(_name(recording, channel), names),
                    file=str(recording.path),
                    **_stamp(recording),
                    start=seconds,
                    duration=math.nan if longest is None else longest,
                    channel=channel,
                    n_samples=n_samples,
                    error="" if error is None else str(error),
                )
            )
            labels.append(recording)
        report(done, error)
    columns = dict.fromkeys(name for recording in recordings for name in recording.labels)
    return Scanned(rows, {name: [r.labels.get(name, "") for r in labels] for name in columns})


def digest(recordings: Sequence[Recording]) -> str:
    """Return a digest that is the same for the same recordings with the same parts and labels."""
    facts = [(str(r.path), _stamp(r), r.start, r.duration, dict(r.labels)) for r in recordings]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _stamp(recording: Recording) -> dict[str, int]:
    assert recording.path is not None
    try:
        status = recording.path.stat()
    except OSError:  # reading the file explains the error
        return {"size": 0, "modified": 0}
    return {"size": status.st_size, "modified": status.st_mtime_ns}


def _name(recording: Recording, channel: int) -> str:
    assert recording.path is not None
    name = (recording.folder / recording.path.name).as_posix() + recording.suffix
    return name if channel < 0 else f"{name}#{channel}"


def _new(name: str, names: set[str]) -> str:
    """Return the name, or a similar one if it is taken."""
    number, unique = 1, name
    while unique in names:
        number += 1
        unique = f"{name} ({number})"
    names.add(unique)
    return unique
