"""The output files of `jtfs-jax features`, one per recording, and checks before any work."""

import argparse
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jtfs_jax._datasets._recordings import LISTS, Recording, recordings

from ._options import differences, of_the_run
from ._outputs import check_outputs, stem_of
from ._recording import source_of


class Task(NamedTuple):
    """A recording and the file to write for it."""

    recording: Recording
    output: Path

    @property
    def source(self) -> Path:
        """Path of the recording, also of the bundled one."""
        return source_of(self.recording.path)


class Tasks(NamedTuple):
    """Tasks to carry out, and the numbers of files left out."""

    to_do: list[Task]
    n_done: int = 0  # recordings with an existing result
    n_skipped: int = 0  # files that are not recordings


def tasks(options: argparse.Namespace) -> Tasks:
    """Return the files to write; raise if one of them cannot, or must not, be written."""
    found, n_skipped = _find(options)
    done = [task for task in found if options.resume and task.output.is_file()]
    for task in done:
        _check_same_options(task.output, options)
    to_do = [task for task in found if task not in done]
    _check(found, to_do, options)
    return Tasks(to_do, len(done), n_skipped)


def _find(options: argparse.Namespace) -> tuple[list[Task], int]:
    output = options.output
    if not output.is_dir():
        if output.suffix.lower() != ".npz":
            raise ValueError(
                f"{output}: there is no such folder; create it first, or name an .npz file, or a "
                f".zarr store for all recordings."
            )
        if len(options.audio) > 1 or any(map(_may_be_several, options.audio)):
            raise ValueError(f"{output}: several recordings need a folder, or a .zarr store.")
    found = recordings(options.audio)
    if not output.is_dir():
        return [Task(found.recordings[0], output)], 0
    results = [
        Task(recording, output / recording.folder / f"{_stem(recording)}.npz")
        for recording in found.recordings
    ]
    return results, found.n_skipped


def _may_be_several(path: Path) -> bool:
    return path.is_dir() or path.suffix.lower() in LISTS


def _stem(recording: Recording) -> str:
    return stem_of(source_of(recording.path)) + recording.suffix


def _check(found: Sequence[Task], to_do: Sequence[Task], options: argparse.Namespace) -> None:
    first: dict[Path, Path] = {}
    for task in found:
        if task.output in first:
            raise ValueError(
                f"{task.output}: both {first[task.output]} and {task.source} would be written "
                f"there; run them separately, each with its own --output."
            )
        first[task.output] = task.source
    within = options.output if options.output.is_dir() else None
    cure = "--resume to write only missing files, " if len(found) > 1 else ""
    outputs = [(task.output, task.source) for task in to_do]
    check_outputs(outputs, options, within=within, cure=cure)


def _check_same_options(output: Path, options: argparse.Namespace) -> None:
    """Raise a `ValueError` if the file was not written with these options."""
    try:
        with output.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            known = json.loads(str(arrays["options"]))
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile):
        raise ValueError(
            f"{output}: this file was not written by jtfs-jax features, so --resume cannot keep "
            f"it; give another --output, or --overwrite to replace it."
        ) from None
    others = differences(options, known, of_the_run(options))
    if others:
        raise ValueError(
            f"{output}: this result was made with {'; '.join(others)}; give the same options to "
            f"write the missing files, or another --output, or --overwrite to replace all."
        )
