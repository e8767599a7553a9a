"""The command `jtfs-jax features`: from recordings to coefficients and their coordinates."""

import argparse
import importlib.metadata
import json
from dataclasses import asdict
from typing import Any

import jax
import numpy as np

from jtfs_jax._coordinates import band_frequencies, frame_times, wavelet_frequencies
from jtfs_jax._extras import require
from jtfs_jax._files import save_arrays
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._jtfs import jtfs
from jtfs_jax._path_tables import path_table

from ._errors import error_line, expected, in_options
from ._feature_files import Task, Tasks, tasks
from ._options import of_the_run
from ._outputs import check_room
from ._progress import Progress
from ._recording import joint_filterbank, load, n_samples_of, name_of, settings_of


def features(options: argparse.Namespace) -> int:
    """Carry out the command; returns the exit status."""
    for module in ("soundfile", "soxr", "tqdm"):
        require(module, "audio")
    todo = tasks(options)
    if len(todo.to_do) == 1 and not (todo.n_done or todo.n_skipped):
        text = _Writer(options).write(todo.to_do[0])
        if not options.quiet:
            print(text)
        return 0
    return _write_all(todo, options)


def _write_all(todo: Tasks, options: argparse.Namespace) -> int:
    """One by one, whatever happens to the others; those of one length after another."""
    writer, errors, n = _Writer(options), [], len(todo.to_do)
    with Progress(n, "file", options) as progress:
        if todo.n_skipped:
            progress.report(
                f"Files skipped, as they are no recordings by their names: {todo.n_skipped}"
            )
        if todo.n_done:
            progress.report(f"Results that are there already: {todo.n_done}")
        lengths = {task: n_samples_of(task.source, options) for task in todo.to_do}
        for done, task in enumerate(sorted(todo.to_do, key=lengths.__getitem__), start=1):
            try:
                progress.result(writer.write(task))
            except Exception as exception:
                error = expected(exception)
                progress.error(error_line(options.command, error))
                errors.append(error)
            progress.update(done)
        if errors:
            progress.error(f"{len(errors)} of {n} recordings failed.")
    if not errors:
        return 0
    return 2 if any(isinstance(error, ValueError) for error in errors) else 1


class _Writer:
    """Makes the files; recordings of one length that follow each other share a filterbank."""

    def __init__(self, options: argparse.Namespace):
        self._options = options
        self._bank: FilterBank | None = None

    def write(self, task: Task) -> str:
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
            "channels": options.channels,
            "version": importlib.metadata.version("jtfs_jax"),
        }
        arrays["settings"] = np.array(json.dumps(settings))
        arrays["options"] = np.array(json.dumps(of_the_run(options)))
        task.output.parent.mkdir(parents=True, exist_ok=True)
        save_arrays(task.output, arrays)
        n_paths, n_frames = len(arrays["path_n2"]), len(arrays["frame_times"])
        channels = f"{len(x)} channels, " if x.ndim == 2 else ""
        return f"{task.output}: {channels}{n_paths} paths, {n_frames} frames"


def _arrays(bank: FilterBank, x: np.ndarray, sample_rate: int) -> dict[str, np.ndarray]:
    """Coefficients and what they measure, in Hz, seconds and cycles/octave."""
    S = jtfs(bank, x)
    table = path_table(bank, sample_rate=sample_rate)
    arrays = {"S0": S.S0, "S1": S.S1, "sample_rate": np.array(sample_rate)}
    arrays["frequencies"] = wavelet_frequencies(bank, sample_rate=sample_rate)
    arrays["frame_times"] = frame_times(bank, sample_rate=sample_rate)
    arrays |= {f"path_{name}": column for name, column in asdict(table).items()}
    if bank.paths_share_shape:
        arrays["S2"] = S.S2
        arrays["band_frequencies"] = band_frequencies(bank, sample_rate=sample_rate)
    else:
        for p, ((n2, n_fr), s2) in enumerate(S.S2.items()):
            bands = band_frequencies(bank, sample_rate=sample_rate, n_fr=n_fr)
            arrays[f"S2_{p}"] = s2
            arrays[f"band_frequencies_{p}"] = bands[: s2.shape[-2]]
            arrays[f"frame_times_{p}"] = frame_times(bank, sample_rate=sample_rate, n2=n2)
    return {name: np.asarray(array) for name, array in arrays.items()}
