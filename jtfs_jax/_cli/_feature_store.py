"""`jtfs-jax features -o OUT.zarr`: the coefficients of all recordings in one labeled store."""

import argparse
import contextlib
import importlib.metadata
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from jtfs_jax import _labels
from jtfs_jax._datasets import _cluster, _scan, _shards, _store
from jtfs_jax._datasets._recordings import Found, recordings
from jtfs_jax._datasets._shards import Outcome
from jtfs_jax._extras import require
from jtfs_jax._files import check_writable

from ._errors import error_line, exit_status, expected
from ._options import differences, of_the_run, worker
from ._progress import Progress
from ._recording import filterbank_for, load_part, source_of


def features_in_store(options: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    require("zarr", "store")
    if 0 in (options.T, options.F):
        raise ValueError(
            "--output: a store needs paths of the same shape, which requires averaging; give --T "
            "and --F other than 0, or write .npz files to a folder."
        )
    path, found = options.output, _found(options)
    if options.overwrite or not path.exists():
        _make(path, found, options)
    store = _store.Store(path)
    _check_same(path, store, found, options)
    errors = [ValueError(row.error) for row in store.rows if row.error]
    if not options.prepare:
        if options.worker is None and options.workers is None and options.scheduler is None:
            options.worker = _worker_of_environment()
        errors += _compute(path, store, options)
    return exit_status(errors)


def _found(options: argparse.Namespace) -> Found:
    """Return the recordings with absolute paths, which are valid in any process."""
    found = recordings(options.audio)
    absolute = [
        recording._replace(path=Path(os.path.abspath(source_of(recording.path))))
        for recording in found.recordings
    ]
    return found._replace(recordings=absolute)


def _make(path: Path, found: Found, options: argparse.Namespace) -> None:
    """Read all recordings once and create the store for their coefficients."""
    _check_writable(path)
    with Progress(len(found.recordings), "recording", options) as progress:
        progress.begin("reading all recordings once")
        progress.report_skipped(found.n_skipped)

        def report(done: int, error: Exception | None) -> None:
            if error is not None:
                progress.error(error_line(options.command, error))
            progress.update(done)

        rows, columns = _scan.scan(
            found.recordings,
            lambda recording: load_part(recording, options),
            options.start,
            options.duration,
            report,
        )
    n_broken = sum(bool(row.error) for row in rows)
    if n_broken == len(rows):
        raise ValueError(f"{path}: none of the {n_broken} recordings can be read.")
    bank = filterbank_for([row.n_samples for row in rows], options)
    attributes = _labels.attributes(bank, "jtfs", options.sample_rate) | {
        "jax_version": importlib.metadata.version("jax"),
        "options": of_the_run(options),
        "recordings": _scan.digest(found.recordings),
    }
    with contextlib.suppress(FileExistsError):  # another worker made it; `_check_same` follows
        _store.create(path, bank, rows, columns, attributes, overwrite=options.overwrite)


def _check_writable(path: Path) -> None:
    """Raise a `ValueError` if `path` cannot be created, or exists and is not a store."""
    check_writable(path.with_name(f"{path.name}-"))
    if path.exists() and not (path / "zarr.json").is_file():
        raise ValueError(
            f"{path}: this is not a store of jtfs-jax features, so it is not replaced; write "
            f"elsewhere."
        )


def _check_same(path: Path, store: _store.Store, found: Found, options: argparse.Namespace) -> None:
    """Raise a `ValueError` if the store was made with other options or for other recordings."""
    others = differences(options, store.attributes["options"], of_the_run(options))
    if others:
        raise ValueError(
            f"{path}: this store was made with {'; '.join(others)}; give the same options to "
            f"continue it, or another --output, or --overwrite to replace it."
        )
    if store.attributes["recordings"] != _scan.digest(found.recordings):
        raise ValueError(
            f"{path}: this store was made for other recordings, or some have changed since; give "
            f"the same recordings to continue it, or another --output, or --overwrite to replace "
            f"it."
        )


def _compute(path: Path, store: _store.Store, options: argparse.Namespace) -> list[Exception]:
    """Compute the missing shards and return the errors."""
    missing = store.missing()
    shards = [shard for shard in missing if _is_own(shard, options.worker)]
    n_broken = sum(bool(row.error) for row in store.rows)
    failed: list[Exception] = []
    with Progress(max(len(shards), 1), "shard", options) as progress:
        if options.worker is not None:
            index, count = options.worker
            progress.report(f"Worker {index} of {count} (counted from 0): {len(shards)} shards")
        n_done = store.n_shards - len(missing)
        if n_done:
            progress.report(f"Shards already computed: {n_done} of {store.n_shards}")
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


def _is_own(shard: int, worker: tuple[int, int] | None) -> bool:
    return worker is None or shard % worker[1] == worker[0]


def _outcomes(path: Path, shards: Sequence[int], options: argparse.Namespace) -> Iterator[Outcome]:
    if not shards:
        return
    if options.workers is None and options.scheduler is None:
        yield from _shards.compute(path, shards)
        return
    with _cluster.workers(options.workers, options.scheduler) as client:
        yield from _cluster.compute_by(client, path, shards)


def _worker_of_environment() -> tuple[int, int] | None:
    """Return the index of this process in an array job, from 0, and the number of tasks."""
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
                f"--worker: this is task {task} of a {system} array job, but {variable} does not "
                f"give the number of tasks (it is {count}); give --worker I/N, or set {variable}."
            ) from None
    return None
