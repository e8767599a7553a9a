"""The command `jtfs-jax features`: from recordings to coefficients and their coordinates."""

import argparse
import importlib.metadata
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jtfs_jax._coordinates import band_frequencies, frame_times, wavelet_frequencies
from jtfs_jax._extras import require
from jtfs_jax._files import save_arrays
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._jtfs import jtfs
from jtfs_jax._paths import path_table

from ._errors import error_line, expected, in_options
from ._folders import find
from ._outputs import check_outputs, check_room
from ._progress import Progress
from ._recording import joint_filterbank, load, n_samples_of, name_of, settings_of, source_of


def features(options: argparse.Namespace) -> int:
    """Carry out the command; returns the exit status."""
    for module in ("soundfile", "soxr", "tqdm"):
        require(module, "audio")
    tasks, n_skipped = _tasks(options)
    if len(tasks) == 1:
        text = _Writer(options).write(tasks[0])
        if not options.quiet:
            print(text)
        return 0
    return _write_all(tasks, n_skipped, options)


class _Task(NamedTuple):
    recording: Path | None
    output: Path

    @property
    def source(self) -> Path:
        return source_of(self.recording)


def _tasks(options: argparse.Namespace) -> tuple[list[_Task], int]:
    """What is to be written, and how many files are none; raises if it cannot be written."""
    output = options.output
    if output.is_dir() and options.audio:
        found = find(options.audio)
        tasks = [
            _Task(recording, output / folder / f"{recording.stem}.npz")
            for recording, folder in zip(found.recordings, found.folders, strict=True)
        ]
        n_skipped = found.n_skipped
    elif output.is_dir():
        tasks, n_skipped = [_Task(None, output / f"{source_of(None).stem}.npz")], 0
    elif output.suffix.lower() != ".npz":
        raise ValueError(f"{output}: there is no such folder; make it first, or name an .npz file.")
    elif len(options.audio) > 1 or any(path.is_dir() for path in options.audio):
        raise ValueError(f"{output}: several recordings need a folder; make one.")
    else:
        tasks, n_skipped = [_Task(options.audio[0] if options.audio else None, output)], 0
    _check(tasks, options)
    return tasks, n_skipped


def _check(tasks: Sequence[_Task], options: argparse.Namespace) -> None:
    first: dict[Path, Path] = {}
    for task in tasks:
        if task.output in first:
            raise ValueError(
                f"{task.output}: both {first[task.output]} and {task.source} would be written "
                f"there; give them one at a time, each with its own --output."
            )
        first[task.output] = task.source
    within = options.output if options.output.is_dir() else None
    check_outputs([(task.output, task.source) for task in tasks], options, within=within)


def _write_all(tasks: Sequence[_Task], n_skipped: int, options: argparse.Namespace) -> int:
    """One by one, whatever happens to the others; those of one length after another."""
    writer, errors = _Writer(options), []
    with Progress(len(tasks), "file", options) as progress:
        if n_skipped:
            progress.report(f"Skipped by their names: {n_skipped} files that are no recordings.")
        lengths = [n_samples_of(task.source, options) for task in tasks]
        for done, index in enumerate(sorted(range(len(tasks)), key=lengths.__getitem__), start=1):
            try:
                progress.result(writer.write(tasks[index]))
            except Exception as exception:
                error = expected(exception)
                progress.error(error_line(options.command, error))
                errors.append(error)
            progress.update(done)
        if errors:
            progress.error(f"{len(errors)} of {len(tasks)} recordings failed.")
    if not errors:
        return 0
    return 2 if any(isinstance(error, ValueError) for error in errors) else 1


class _Writer:
    """Makes the files; recordings of one length that follow each other share a filterbank."""

    def __init__(self, options: argparse.Namespace):
        self._options = options
        self._bank: FilterBank | None = None

    def write(self, task: _Task) -> str:
        """Write one file, whole or not at all; returns what can be said about it."""
        options, source = self._options, task.source
        x = load(source, options)
        n_samples = x.shape[-1]
        if self._bank is None or self._bank.n_samples != n_samples:
            if self._bank is not None:
                jax.clear_caches()  # each length has a program of its own, and there may be many
            self._bank = joint_filterbank(source, n_samples, options)
        n_bytes = sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(jtfs, self._bank, x)))
        check_room(task.output, n_bytes * self._bank.dtype.itemsize)
        with in_options(source, options):
            arrays: dict[str, Any] = _arrays(self._bank, x, options.sample_rate)
        arrays["start"] = np.array(options.start)
        settings = settings_of(self._bank, options.sample_rate) | {
            "audio": name_of(task.recording),
            "version": importlib.metadata.version("jtfs_jax"),
        }
        arrays["settings"] = np.array(json.dumps(settings))
        task.output.parent.mkdir(parents=True, exist_ok=True)
        save_arrays(task.output, arrays)
        n_paths, n_frames = len(arrays["path_n2"]), len(arrays["frame_times"])
        return f"{task.output}: {n_paths} paths, {n_frames} frames"


def _arrays(bank: FilterBank, x: np.ndarray, sample_rate: int) -> dict[str, np.ndarray]:
    """Coefficients and what they measure, in Hz, seconds and cycles/octave."""
    S = jtfs(bank, x)
    table = path_table(bank, sample_rate=sample_rate)
    arrays = {"S0": S.S0, "S1": S.S1, "sample_rate": np.array(sample_rate)}
    arrays["frequencies"] = wavelet_frequencies(bank, sample_rate=sample_rate)
    arrays["frame_times"] = frame_times(bank, sample_rate=sample_rate)
    arrays |= {f"path_{name}": column for name, column in asdict(table).items()}
    if not isinstance(S.S2, dict):
        arrays["S2"] = S.S2
        arrays["band_frequencies"] = band_frequencies(bank, sample_rate=sample_rate)
    else:
        for p, ((n2, n_fr), s2) in enumerate(S.S2.items()):
            bands = band_frequencies(bank, sample_rate=sample_rate, n_fr=n_fr)
            arrays[f"S2_{p}"] = s2
            arrays[f"band_frequencies_{p}"] = bands[: s2.shape[0]]
            arrays[f"frame_times_{p}"] = frame_times(bank, sample_rate=sample_rate, n2=n2)
    return {name: np.asarray(array) for name, array in arrays.items()}
