"""The command `jtfs-jax features`: coefficients of recordings, with their coordinates."""

import argparse
import importlib.metadata
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import jax
import numpy as np

from jtfs_jax import _segments
from jtfs_jax._coefficients import JointScattering, is_by_path
from jtfs_jax._coordinates import band_frequencies, frame_times, wavelet_frequencies
from jtfs_jax._datasets._reading import ahead
from jtfs_jax._extras import require
from jtfs_jax._files import save_arrays
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._jtfs import jtfs
from jtfs_jax._path_tables import path_table
from jtfs_jax._segments import Stretch

from ._errors import error_line, exit_status, expected
from ._feature_files import Task, Tasks, tasks
from ._feature_store import features_in_store
from ._options import of_the_run
from ._outputs import check_room
from ._progress import Progress
from ._recording import load_part, name_of, segment_filterbank, settings_of


def features(options: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    for module in ("soundfile", "soxr", "tqdm"):
        require(module, "audio")
    if options.output.suffix.lower() == ".zarr":
        return features_in_store(options)
    _check_no_workers(options)
    todo = tasks(options)
    bank = segment_filterbank([task.recording for task in todo.to_do], options)
    if len(todo.to_do) == 1 and not (todo.n_done or todo.n_skipped):
        for task, error in _write_each(todo, bank, options):
            if error is not None:
                raise error
            if not options.quiet:
                print(task)
        return 0
    return _write_all(todo, bank, options)


def _check_no_workers(options: argparse.Namespace) -> None:
    given = [
        name for name in ("workers", "scheduler", "worker", "prepare") if getattr(options, name)
    ]
    if given:
        raise ValueError(
            f"--{given[0]} requires a store, to which several processes can write; give --output "
            f"OUT.zarr, or remove --{given[0]}."
        )


def _write_all(todo: Tasks, bank: FilterBank, options: argparse.Namespace) -> int:
    """Write all files, even if some of them fail, and return the exit status."""
    errors, n = [], len(todo.to_do)
    with Progress(n, "file", options) as progress:
        progress.report_skipped(todo.n_skipped)
        if todo.n_done:
            progress.report(f"Results already computed: {todo.n_done}")
        for done, (text, error) in enumerate(_write_each(todo, bank, options), start=1):
            if error is None:
                progress.result(text)
            else:
                progress.error(error_line(options.command, error))
                errors.append(error)
            progress.update(done)
        if errors:
            progress.error(f"{len(errors)} of {n} recordings failed.")
    return exit_status(errors)


def _write_each(
    todo: Tasks, bank: FilterBank, options: argparse.Namespace
) -> Iterator[tuple[str, Exception | None]]:
    """Write each file, completely or not at all, and yield a line about it or an error.

    Threads read recordings while others are transformed, in segments of one length.
    """
    cut, kind = _segments.segments(bank), _segments.kind_of(jtfs)
    failed: list[Exception] = []

    def read(task: Task) -> np.ndarray:
        return load_part(task.recording, options)

    def channels() -> Iterator[tuple[tuple[Task, np.ndarray, bool], Stretch]]:
        for task, future in ahead(read, todo.to_do):
            error = future.exception()
            if error is not None:
                failed.append(expected(error))  # pyright: ignore[reportArgumentType]
                continue
            x = future.result()
            rows = np.atleast_2d(x)
            for channel, row in enumerate(rows, start=1):
                yield (task, x, channel == len(rows)), Stretch(row, len(row))

    of_channels: list[Any] = []
    found = _segments.of_stretches(kind, cut, channels(), ())
    while True:
        result = next(found, None)
        yield from (("", failed.pop(0)) for _ in list(failed))
        if result is None:
            return
        (task, x, is_last), S = result
        of_channels.append(S)
        if is_last:
            S, of_channels = jax.tree.map(lambda *s: np.stack(s), *of_channels), []
            S = S if x.ndim == 2 else jax.tree.map(lambda s: s[0], S)
            try:
                yield _write(task, bank, S, x, options), None
            except Exception as exception:
                yield "", expected(exception)


def _write(
    task: Task, bank: FilterBank, S: JointScattering, x: np.ndarray, options: argparse.Namespace
) -> str:
    """Write a file, completely or not at all, and return a line about it."""
    n_samples = x.shape[-1]
    arrays = _arrays(bank, S, n_samples, options.sample_rate)
    recording = task.recording
    arrays["start"] = np.array(recording.span(options.start, options.duration)[0])
    arrays["labels"] = np.array(json.dumps(dict(recording.labels), ensure_ascii=False))
    settings = settings_of(bank, options.sample_rate) | {
        "audio": name_of(recording.path),
        "channels": options.channels,
        "n_samples": n_samples,
        "segment": bank.n_samples,
        "version": importlib.metadata.version("jtfs_jax"),
    }
    arrays["settings"] = np.array(json.dumps(settings))
    arrays["options"] = np.array(json.dumps(of_the_run(options)))
    check_room(task.output, sum(array.nbytes for array in arrays.values()))
    task.output.parent.mkdir(parents=True, exist_ok=True)
    save_arrays(task.output, arrays)
    n_paths, n_frames = len(arrays["path_n2"]), len(arrays["frame_times"])
    channels = f"{len(x)} channels, " if x.ndim == 2 else ""
    return f"{task.output}: {channels}{n_paths} paths, {n_frames} frames"


def _arrays(
    bank: FilterBank, S: JointScattering, n_samples: int, sample_rate: int
) -> dict[str, np.ndarray]:
    """Return coefficients and their coordinates, in Hz, seconds and cycles/octave."""
    table = path_table(bank, sample_rate=sample_rate)
    if bank.T == "global":
        table.stride[:] = n_samples
    arrays: dict[str, Any] = {"S0": S.S0, "S1": S.S1, "sample_rate": np.array(sample_rate)}
    times = {"n_samples": n_samples, "sample_rate": sample_rate}
    arrays["frequencies"] = wavelet_frequencies(bank, sample_rate=sample_rate)
    arrays["frame_times"] = frame_times(bank, **times)
    arrays |= {f"path_{name}": column for name, column in asdict(table).items()}
    if not is_by_path(S.S2):
        arrays["S2"] = S.S2
        arrays["band_frequencies"] = band_frequencies(bank, sample_rate=sample_rate)
    else:
        for p, ((n2, n_fr), s2) in enumerate(S.S2.items()):
            bands = band_frequencies(bank, sample_rate=sample_rate, n_fr=n_fr)
            arrays[f"S2_{p}"] = s2
            arrays[f"band_frequencies_{p}"] = bands[: s2.shape[-2]]
            arrays[f"frame_times_{p}"] = frame_times(bank, **times, n2=n2)
    return {name: np.asarray(array) for name, array in arrays.items()}
