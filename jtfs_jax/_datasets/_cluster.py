"""Computation of a store's shards with Dask, on the cores of one machine or on a cluster."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jtfs_jax._extras import require

from ._shards import Outcome, compute

_RETRIES = 3  # of a shard after its worker is lost


@contextlib.contextmanager
def workers(count: int | None, scheduler: str | None) -> Iterator[Any]:
    """Open a Dask client of `count` processes on this machine, or of a scheduler at an address."""
    distributed = require("distributed", "cluster")
    if scheduler is not None:
        try:
            client = distributed.Client(scheduler, timeout="30s")
        except (OSError, ValueError) as error:
            raise ValueError(
                f"scheduler must be the address of a Dask scheduler, such as "
                f"tcp://10.0.0.1:8786, got {scheduler!r}: {error}."
            ) from error
        with client:
            yield client
        return
    cluster = distributed.LocalCluster(
        n_workers=count,
        threads_per_worker=1,
        memory_limit=0,  # memory depends on the filterbank, not on the recordings
        dashboard_address=None,
    )
    with cluster, distributed.Client(cluster) as client:
        yield client


def compute_by(client: Any, path: Path, shards: Sequence[int]) -> Iterator[Outcome]:
    """Yield outcomes of shards as they complete; other workers take over from lost workers."""
    distributed = require("distributed", "cluster")
    path = path.absolute()
    futures = {
        client.submit(_one, str(path), shard, pure=False, retries=_RETRIES): shard
        for shard in shards
    }
    for future in distributed.as_completed(futures):
        error = future.exception()
        yield future.result() if error is None else Outcome(futures[future], error)


def _one(path: str, shard: int) -> Outcome:
    (outcome,) = compute(Path(path), [shard])
    return outcome
