"""The unit of work: from a store and shard numbers to their coefficients.

It depends on nothing else, and writes the same bytes whenever and wherever it runs.
"""

import functools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jtfs_jax import _segments
from jtfs_jax._filterbank import filterbank
from jtfs_jax._jtfs import jtfs
from jtfs_jax._segments import Segments, Stretch
from jtfs_jax._sounds._load import samples

from ._reading import ahead
from ._store import Piece, Row, Store


class Outcome(NamedTuple):
    """Outcome of a shard: it is complete, or there is an error."""

    shard: int
    error: Exception | None = None


@functools.lru_cache(maxsize=1)
def _segments_of(arguments: str) -> Segments:
    """Return the segmentation for the filterbank with these arguments, given as JSON."""
    return _segments.segments(filterbank(**json.loads(arguments)))


def compute(path: Path, shards: Iterable[int]) -> Iterator[Outcome]:
    """Compute and write some shards of a store, one after another.

    A shard is written as a whole, or not at all if one of its recordings cannot be read; other
    shards are still computed.
    """
    store = Store(path)
    cut = _segments_of(store.attributes["filterbank"])
    kind = _segments.kind_of(jtfs)
    work = [(shard, piece) for shard in shards for piece in store.pieces(shard)]
    left = {shard: len(store.pieces(shard)) for shard, _ in work}
    failed: dict[int, Exception] = {}
    made: dict[int, dict[str, np.ndarray]] = {}

    def read(task: tuple[int, Piece]) -> Stretch:
        _, piece = task
        return _stretch(cut, store, piece)

    def stretches() -> Iterator[tuple[tuple[int, Piece], Stretch]]:
        for task, future in ahead(read, work):
            error = future.exception()
            if error is None:
                yield task, future.result()
            elif isinstance(error, ValueError | OSError):
                failed[task[0]] = error
            else:
                raise error

    for (shard, piece), S in _segments.of_stretches(kind, cut, stretches(), ()):
        stop = min((shard + 1) * store.frames_in_shard, store.n_frames)
        n_frames = stop - shard * store.frames_in_shard
        for name in ("S0", "S1", "S2"):
            found = np.moveaxis(getattr(S, name), -1, 0)
            found = found[found.shape[0] - (piece.stop - piece.first) :]
            of_shard = made.setdefault(shard, {})
            into = of_shard.setdefault(name, np.zeros((n_frames, *found.shape[1:]), found.dtype))
            into[piece.place : piece.place + len(found)] = found
        left[shard] -= 1
        if left[shard] == 0:
            store.write(shard, made.pop(shard))
            yield Outcome(shard)
    for shard, error in failed.items():
        yield Outcome(shard, error)


def _stretch(cut: Segments, store: Store, piece: Piece) -> Stretch:
    """Read the samples that the frames of a piece depend on."""
    row = store.rows[piece.row]
    path = Path(row.file)
    status = path.stat()
    if (status.st_size, status.st_mtime_ns) != (row.size, row.modified):
        raise ValueError(
            f"{path}: this file has changed since the store was created; restore it, or recreate "
            f"the store with --overwrite."
        )
    if cut.bank.T == "global":
        return Stretch(_read(row, store, 0, row.n_samples), row.n_samples)
    stride = cut.bank.low_pass_stride
    first = piece.first * stride // cut.grid * cut.grid
    stop = min(piece.stop * stride, row.n_samples)
    # Reflections beyond an end use the samples within the context, and one more.
    origin = max(first - cut.context - 1, 0)
    end = min(stop + cut.context + 1, row.n_samples)
    return Stretch(_read(row, store, origin, end), row.n_samples, origin, first, stop)


def _read(row: Row, store: Store, origin: int, end: int) -> Float[np.ndarray, " time"]:
    rate, channels = store.attributes["sample_rate"], store.attributes["options"]["channels"]
    start = (round(row.start * rate) + origin) / rate  # unchanged by later rounding
    x = samples(row.file, rate, (end - origin) / rate, start, channels)[max(row.channel, 0)]
    if len(x) != end - origin:
        raise ValueError(
            f"{row.file}: it has {origin + len(x)} samples at {rate} Hz, but had {row.n_samples} "
            f"when the store was created; recreate the store with --overwrite."
        )
    return x
