"""One Zarr store for the coefficients of many recordings.

Recordings have different numbers of frames. The frames of all recordings are concatenated along one
axis, which is divided into shards of equal length. A shard is one file of each array, and the unit
of work.

    frame      S0, S1, S2; time and of_recording: the frame's time and its recording
    recording  its name, file, start, duration, labels, first_frame, n_frames, and error
    shard      done: 1 once all coefficients of a shard are written

Everything except the coefficients and `done` is written before the first shard, so a store shows at
any time which parts are missing. Workers write only the files of their own shards and replace each
file as a whole, so they need no locks.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jtfs_jax import _labels
from jtfs_jax._coordinates import frame_times
from jtfs_jax._extras import require
from jtfs_jax._files import replacing_folder
from jtfs_jax._filterbank import FilterBank

_VALUES_IN_SHARD = 2**23  # maximum, unless a single frame has more
_N_SHARDS = 64  # approximate number for smaller datasets
_N_SEGMENTS = 8  # minimum per shard: a recording that two shards share takes more work
_VALUES_IN_CHUNK = 2**20  # maximum for arrays without shards
_COEFFICIENTS = ("S0", "S1", "S2")


class Row(NamedTuple):
    """Entry of a store for a recording, or for one of its channels.

    Attributes:
        recording: Name of the recording.
        file: Path of the file.
        size, modified: Size of the file in bytes, and modification time in ns.
        start: Start in seconds.
        duration: Maximum duration in seconds; NaN for the whole recording.
        channel: Channel number if channels are separate, −1 otherwise.
        n_samples: Number of samples at the rate of the store; 0 if the file cannot be read.
        error: Why the file cannot be read.
    """

    recording: str
    file: str
    size: int
    modified: int
    start: float
    duration: float
    channel: int
    n_samples: int
    error: str = ""


class Piece(NamedTuple):
    """Frames `first` to `stop` of a recording, which begin at `place` in a shard."""

    row: int
    first: int
    stop: int
    place: int


class Array(NamedTuple):
    """An array that is written once, and its attributes."""

    dims: tuple[str, ...]
    values: Any
    attributes: Mapping[str, Any] = {}


def create(
    path: Path,
    bank: FilterBank,
    rows: Sequence[Row],
    columns: Mapping[str, Sequence[str]],
    attributes: Mapping[str, Any],
    *,
    overwrite: bool,
) -> None:
    """Create a store with everything except the coefficients, completely or not at all.

    Args:
        path: Path of the store, which ends in .zarr.
        bank: Filters of the coefficients.
        rows: Recordings to be computed.
        columns: Labels of the rows.
        attributes: Attributes of the store, including the result of `_labels.attributes`.
        overwrite: If True, replace an existing store.

    Raises:
        FileExistsError: If the store exists and may not be replaced.
    """
    zarr = require("zarr", "store")
    sample_rate = attributes["sample_rate"]
    labels = _labels.groups(bank, "jtfs", sample_rate=sample_rate, n_samples=bank.n_samples)["/"]
    times = [
        frame_times(bank, n_samples=row.n_samples, sample_rate=sample_rate)
        if row.n_samples
        else np.zeros(0)
        for row in rows
    ]
    frames = np.array([len(of_row) for of_row in times], np.int64)
    coordinates = {
        name: Array(label.dims, label.values, label.attributes)
        for name, label in labels.coordinates.items()
        if name != "time"
    }
    time = labels.coordinates["time"]
    arrays = coordinates | {
        "time": Array(("frame",), np.concatenate(times), time.attributes),
        "of_recording": Array(("frame",), np.repeat(np.arange(len(rows), dtype=np.int32), frames)),
        **{name: Array(("recording",), [row[k] for row in rows]) for k, name in enumerate(_FIELDS)},
        "n_frames": Array(("recording",), frames),
        "first_frame": Array(("recording",), np.cumsum(frames) - frames),
    }
    taken = arrays.keys() | {*_COEFFICIENTS, "done"}
    for name, values in columns.items():
        arrays[f"label_{name}" if name in taken else name] = Array(("recording",), values)
    shapes = {
        name: {dim: len(coordinates[dim].values) for dim in dims if dim != "time"}
        for name, dims in labels.variables.items()
    }
    total = int(frames.sum())
    of_frame = max(int(np.prod([*shape.values()])) for shape in shapes.values())
    per_shard = _frames_in_shard(total, len(time.values), of_frame)
    others = " ".join(name for name, array in arrays.items() if array.dims != (name,))
    with replacing_folder(path, overwrite=overwrite) as partial:
        group = zarr.create_group(partial, attributes={**attributes, "coordinates": others})
        for name, array in arrays.items():
            _add(group, name, array)
        for name, shape in shapes.items():
            group.create_array(
                name,
                shape=(total, *shape.values()),
                dtype=bank.dtype,
                chunks=(per_shard, *shape.values()),
                fill_value=np.nan,
                dimension_names=["frame", *shape],
                attributes=_labels.label(name, (), ()).attributes,
            )
        group.create_array(
            "done",
            shape=(-(-total // per_shard),),
            dtype=np.uint8,
            chunks=(1,),
            fill_value=0,
            dimension_names=["shard"],
            attributes={"long_name": "whether the coefficients of a shard are written"},
        )


_FIELDS = Row._fields


def _frames_in_shard(total: int, of_segment: int, n_values: int) -> int:
    """Return the frames per shard, for dozens of shards of several segments that fit in memory."""
    most = max(_VALUES_IN_SHARD // n_values, 1)
    return min(max(-(-total // _N_SHARDS), _N_SEGMENTS * of_segment), most)


def _add(group: Any, name: str, array: Array) -> None:
    values = np.asarray(array.values)
    is_text = values.dtype.kind in "UO" or (not values.size and isinstance(array.values, list))
    made = group.create_array(
        name,
        shape=values.shape,
        dtype=str if is_text else values.dtype,
        chunks=tuple(min(max(n, 1), _VALUES_IN_CHUNK) for n in values.shape),
        dimension_names=array.dims,
        attributes=dict(array.attributes),
    )
    if values.size:
        made[...] = values.astype(object) if is_text else values


class Store:
    """An existing store.

    Attributes:
        rows: Recordings in the store, or their channels.
        attributes: The attributes given to `create`.
        frames_in_shard: Number of frames in each shard except the last.
        n_frames: Total number of frames.
    """

    def __init__(self, path: Path):
        zarr = require("zarr", "store")
        try:
            self._group = zarr.open_group(path, mode="r+")
            columns = [self._group[name][...].tolist() for name in _FIELDS]
            self.frames_in_shard = self._group["S2"].chunks[0]
            self.n_frames = self._group["S2"].shape[0]
            self._first = self._group["first_frame"][...]
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(
                f"{path}: this is not a store of jtfs-jax features; give another --output, or "
                f"--overwrite to replace it."
            ) from error
        self.rows = [Row(*values) for values in zip(*columns, strict=True)]
        self.attributes = dict(self._group.attrs)

    def missing(self) -> list[int]:
        """Return the numbers of the incomplete shards."""
        return np.flatnonzero(self._group["done"][...] == 0).tolist()

    @property
    def n_shards(self) -> int:
        """Number of shards."""
        return self._group["done"].shape[0]

    def pieces(self, shard: int) -> list[Piece]:
        """Return the pieces of recordings in a shard."""
        start = shard * self.frames_in_shard
        stop = min(start + self.frames_in_shard, self.n_frames)
        last = np.append(self._first[1:], self.n_frames)
        found = []
        for row in np.flatnonzero((self._first < stop) & (last > start)).tolist():
            low, high = max(int(self._first[row]), start), min(int(last[row]), stop)
            own = int(self._first[row])
            found.append(Piece(row, low - own, high - own, low - start))
        return found

    def write(self, shard: int, coefficients: Mapping[str, np.ndarray]) -> None:
        """Write a shard's frames, then mark it as done."""
        start = shard * self.frames_in_shard
        for name, values in coefficients.items():
            self._group[name][start : start + len(values)] = values
        self._group["done"][shard] = 1
