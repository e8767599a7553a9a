"""`jtfs-jax features -o OUT.zarr`: the coefficients of all recordings in one labelled store."""

import argparse
import contextlib
import importlib.metadata
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from jtfs_jax._datasets import _cluster, _scan, _shards, _store
from jtfs_jax._datasets._recordings import recordings
from jtfs_jax._datasets._shards import Outcome
from jtfs_jax._extras import require
from jtfs_jax._files import check_writable

from ._errors import error_line, expected
from ._options import differences, of_the_run, worker
from ._progress import Progress
from ._recording import filterbank_for

_SETTINGS = ("sample_rate", "channels", "J", "Q", "T", "J_fr", "Q_fr", "F", "preset")


def features_in_store(options: argparse.Namespace) -> int:
    """Carry out the command; returns the exit status."""
    require("zarr", "store")
    if 0 in (options.T, options.F):
        raise ValueError(
            "--output: a store holds paths of one shape, and thus averages; give other --T and --F "
            "than 0, or write .npz files into a folder."
        )
    path = options.output
    if options.overwrite or not path.exists():
        _make(path, options)
    store = _store.Store(path)
    _check_same(path, store, options)
    broken = [row for row in store.rows if row.error]
    if options.prepare:
        return 2 if broken else 0
    if options.worker is None and options.workers is None and options.scheduler is None:
        options.worker = worker_of_environment()
    shards = [shard for shard in store.missing() if _is_own(shard, options.worker)]
    failed = _compute(path, store, shards, options)
    if failed:
        return 2 if any(isinstance(error, ValueError) for error in failed) else 1
    return 2 if broken else 0


def _make(path: Path, options: argparse.Namespace) -> None:
    """Find out what there is to do, and write it down."""
    check_writable_store(path)
    found = recordings(options.audio)
    sampling = _scan.Sampling(
        options.sample_rate, options.start, options.duration, options.channels
    )
    with Progress(len(found.recordings), "recording", options) as progress:
        progress.begin("reading all recordings once")
        if found.n_skipped:
            progress.report(
                f"Files skipped, as they are no recordings by their names: {found.n_skipped}"
            )

        def report(done: int, error: Exception | None) -> None:
            if error is not None:
                progress.error(error_line(options.command, error))
            progress.update(done)

        scanned = _scan.scan(found.recordings, sampling, report)
    n_broken = sum(bool(row.error) for row in scanned.rows)
    if n_broken == len(scanned.rows):
        raise ValueError(f"{path}: none of the {n_broken} recordings can be read.")
    bank = filterbank_for([row.n_samples for row in scanned.rows], options)
    attributes = {
        "settings": {name: getattr(options, name) for name in _SETTINGS}
        | {"n_samples": bank.n_samples},
        "options": of_the_run(options),
        "recordings": _scan.digest(found.recordings),
        "versions": {name: importlib.metadata.version(name) for name in ("jtfs_jax", "jax")},
    }
    with contextlib.suppress(FileExistsError):  # made by another worker, and compared below
        _store.create(
            path,
            bank,
            scanned.rows,
            scanned.columns,
            attributes,
            overwrite=options.overwrite,
        )


def check_writable_store(path: Path) -> None:
    """Raise a `ValueError` if no folder can be made there, or something else is there."""
    check_writable(path.with_name(f"{path.name}-"))
    if path.exists() and not (path / "zarr.json").is_file():
        raise ValueError(f"{path}: this is no store, and is not replaced; write elsewhere.")


def _check_same(path: Path, store: _store.Store, options: argparse.Namespace) -> None:
    """Raise a `ValueError` if the store is not what these options, and recordings, make."""
    others = differences(options, store.attributes["options"], of_the_run(options))
    if others:
        raise ValueError(
            f"{path}: this store was made with {'; '.join(others)}; give the same options to go "
            f"on with it, or another --output, or --overwrite to replace it."
        )
    if store.attributes["recordings"] != _scan.digest(recordings(options.audio).recordings):
        raise ValueError(
            f"{path}: this store was made for other recordings, or some have changed since; give "
            f"the same ones to go on with it, or another --output, or --overwrite to replace it."
        )


def _is_own(shard: int, worker: tuple[int, int] | None) -> bool:
    return worker is None or shard % worker[1] == worker[0]


def _compute(
    path: Path, store: _store.Store, shards: Sequence[int], options: argparse.Namespace
) -> list[Exception]:
    """Compute what is missing; returns the errors."""
    n_broken = sum(bool(row.error) for row in store.rows)
    failed: list[Exception] = []
    with Progress(max(len(shards), 1), "shard", options) as progress:
        if options.worker is not None:
            index, count = options.worker
            progress.report(f"Worker {index} of {count}, counted from 0: {len(shards)} shards")
        n_done = store.n_shards - len(store.missing())
        if n_done:
            progress.report(f"Shards that are there already: {n_done} of {store.n_shards}")
        for done, outcome in enumerate(_outcomes(path, shards, options), start=1):
            if outcome.error is not None:
                error = expected(outcome.error)
                failed.append(error)
                progress.error(error_line(options.command, error))
            progress.update(done)
        left = len(store.missing())
        if n_broken:
            progress.error(f"{n_broken} of {len(store.rows)} recordings cannot be read.")
        if failed:
            progress.error(f"{len(failed)} of {len(shards)} shards failed.")
        state = f"{left} of {store.n_shards} shards are missing" if left else "complete"
        n_frames = f"{store.n_frames} frames of {len(store.rows) - n_broken} recordings"
        progress.result(f"{path}: {n_frames}, {state}")
    return failed


def _outcomes(path: Path, shards: Sequence[int], options: argparse.Namespace) -> Iterator[Outcome]:
    if not shards:
        return
    if options.workers is None and options.scheduler is None:
        yield from _shards.compute(path, shards)
        return
    with _cluster.workers(options.workers, options.scheduler) as client:
        yield from _cluster.compute_by(client, path, shards)


def worker_of_environment() -> tuple[int, int] | None:
    """Which task of an array job this process is, counted from 0, and of how many."""
    get = os.environ.get
    found = {
        "SLURM": (get("SLURM_ARRAY_TASK_ID"), get("SLURM_ARRAY_TASK_COUNT")),
        "Kubernetes": (get("JOB_COMPLETION_INDEX"), get("JOB_COMPLETIONS")),
    }
    for system, (task, count) in found.items():
        if task is None:
            continue
        first = get("SLURM_ARRAY_TASK_MIN", "0") if system == "SLURM" else "0"
        try:
            return worker(f"{int(task) - int(first)}/{count}")
        except (ValueError, argparse.ArgumentTypeError):
            variable = "SLURM_ARRAY_TASK_COUNT" if system == "SLURM" else "JOB_COMPLETIONS"
            raise ValueError(
                f"--worker: this is task {task} of an array job of {system}, but {variable} does "
                f"not say of how many (it is {count}); say --worker I/N, or set it."
            ) from None
    return None
