"""How long recordings are, and which of them cannot be read: every file is decoded once."""

import hashlib
import json
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from jtfs_jax import audio
from jtfs_jax._sounds._channels import Channels

from ._reading import ahead
from ._recordings import Recording
from ._store import Row


class Sampling(NamedTuple):
    """What is taken of recordings that do not say so themselves."""

    sample_rate: int
    start: float
    duration: float | None
    channels: Channels


class Scanned(NamedTuple):
    """Recordings as a store knows them, and their labels, by column."""

    rows: list[Row]
    columns: dict[str, list[str]]


def scan(
    recordings: Sequence[Recording],
    sampling: Sampling,
    report: Callable[[int, ValueError | None], None],
) -> Scanned:
    """The rows of a store; `report` is called after each recording with how many there were."""
    rows: list[Row] = []
    labels: list[Recording] = []
    names: set[str] = set()

    def shape_of(recording: Recording) -> tuple[int, int]:
        start, duration = _span(recording, sampling)
        x = audio.load(
            source_of(recording),
            sampling.sample_rate,
            None if math.isnan(duration) else duration,
            start=start,
            channels=sampling.channels,
        )
        return (len(x), x.shape[-1]) if sampling.channels == "each" else (1, len(x))

    for done, (recording, future) in enumerate(ahead(shape_of, recordings), start=1):
        error = future.exception()
        if error is not None and not isinstance(error, ValueError):
            raise error
        n_channels, n_samples = (1, 0) if error is not None else future.result()
        if n_samples == 1:
            error, n_samples = ValueError(f"{source_of(recording)}: it has but one sample."), 0
        for channel in range(n_channels):
            is_apart = sampling.channels == "each"
            name = _new(_name(recording) + (f"#{channel}" if is_apart else ""), names)
            rows.append(
                Row(
                    name,
                    str(source_of(recording)),
                    *_stamp(source_of(recording)),
                    *_span(recording, sampling),
                    channel if is_apart else -1,
                    n_samples,
                    "" if error is None else str(error),
                )
            )
            labels.append(recording)
        report(done, error)
    columns = dict.fromkeys(name for recording in recordings for name in recording.labels)
    return Scanned(rows, {name: [r.labels.get(name, "") for r in labels] for name in columns})


def digest(recordings: Sequence[Recording]) -> str:
    """The same for the same recordings, with the same parts and labels."""
    facts = [
        (str(source_of(r)), *_stamp(source_of(r)), r.start, r.duration, dict(r.labels))
        for r in recordings
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def source_of(recording: Recording) -> Path:
    """The file, also where it is the bundled one, from any working directory."""
    path = audio.bundled("guitar_slide") if recording.path is None else recording.path
    return Path(os.path.abspath(path))


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:  # which reading it explains
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _span(recording: Recording, sampling: Sampling) -> tuple[float, float]:
    start = sampling.start if recording.start is None else recording.start
    duration = sampling.duration if recording.duration is None else recording.duration
    return start, math.nan if duration is None else duration


def _name(recording: Recording) -> str:
    name = (recording.folder / source_of(recording).name).as_posix()
    return name if recording.start is None else f"{name}@{recording.start:g}"


def _new(name: str, names: set[str]) -> str:
    """The name, or one like it that is not taken yet."""
    number, unique = 1, name
    while unique in names:
        number += 1
        unique = f"{name} ({number})"
    names.add(unique)
    return unique
