"""Labels of coefficients, for xarray and Zarr: axis names, coordinates and settings, as plain data.

Coefficients that share their axes form a group. There is a single group, unless T=0 or F=0: then
the first order forms one group, and the paths of each resolution form another.
"""

import importlib.metadata
import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from . import _checks, _limits
from ._coordinates import band_frequencies, frame_times, wavelet_frequencies
from ._filterbank import FilterBank
from ._path_tables import PathTable, TimePathTable, path_table, time_path_table
from ._paths import KINDS
from ._presets import Options

Transform: TypeAlias = Literal["jtfs", "time_scattering", "scalogram"]

_U1 = {"U1": ("frequency", "time")}
_FIRST_ORDER = {"S0": ("time",), "S1": ("frequency", "time")}

# Long names and units: one unit, or the units without and with a sample rate.
_DESCRIPTIONS = {
    "U1": ("scalogram",),
    "S0": ("zeroth-order coefficient",),
    "S1": ("first-order coefficient",),
    "S2": ("second-order coefficient",),
    "time": ("time", "samples", "s"),
    "frequency": ("frequency", "cycles/sample", "Hz"),
    "band_frequency": ("frequency of the band", "cycles/sample", "Hz"),
    "path": ("index of the path",),
    "path_frequency": ("frequency of the path", "cycles/sample", "Hz"),
    "path_bandwidth": ("bandwidth around that frequency", "cycles/sample", "Hz"),
    "kind": ("filters over time and log-frequency",),
    "n1": ("index of the first-order wavelet",),
    "n2": ("index of the second-order wavelet, -1 for the low-pass",),
    "n_fr": ("index of the filter over log-frequency, 0 for the low-pass",),
    "spin": ("direction, 1 for rising, -1 for falling",),
    "rate": ("rate", "cycles/sample", "Hz"),
    "rate_bandwidth": ("bandwidth around the rate", "cycles/sample", "Hz"),
    "scale": ("scale", "cycles/octave"),
    "scale_bandwidth": ("bandwidth around the scale", "cycles/octave"),
    "j1": ("log2 of the decimation after the first-order wavelet",),
    "j2": ("log2 of the decimation after the second-order wavelet",),
    "j_fr": ("log2 of the decimation over log-frequency",),
    "n_rows": ("number of bands that wavelets feed",),
    "stride": ("time between frames", "samples"),
    "stride_fr": ("number of first-order wavelets from band to band",),
}


class Label(NamedTuple):
    """An array with the names of its axes, a long name, and a unit if it has one."""

    dims: tuple[str, ...]
    values: Any
    attributes: dict[str, Any]


class Group(NamedTuple):
    """Coefficients that share their axes.

    Attributes:
        variables: Names of the coefficients, with their axes after the batch axes.
        coordinates: Labels of these axes.
    """

    variables: dict[str, tuple[str, ...]]
    coordinates: dict[str, Label]


def groups(
    bank: FilterBank,
    transform: Transform,
    *,
    sample_rate: float | None = None,
    n_samples: int | None = None,
) -> dict[str, Group]:
    """Return the groups by name: a path in a tree of groups, or "/" if there is only one.

    Only `time` depends on the length of the signal, which is `n_samples` if the signal is
    transformed in segments.
    """
    of_signal = (bank, sample_rate, n_samples)
    frequency = _frequency(bank, sample_rate)
    if transform == "scalogram":
        return {"/": Group(_U1, frequency | _time_of_samples(*of_signal))}
    first = Group(_FIRST_ORDER, frequency | _time(*of_signal))
    table_of = path_table if transform == "jtfs" else time_path_table
    table = table_of(bank, sample_rate=sample_rate)
    by_resolution = _resolutions(bank, table)
    if by_resolution is None:
        second = _second_order(table, range(len(table)), *of_signal)
        variables = first.variables | second.variables
        return {"/": Group(variables, first.coordinates | second.coordinates)}
    found = {"first": first}
    for name, paths in by_resolution.items():
        found[f"second/{name}"] = _second_order(table, paths, *of_signal)
    return found


def label(name: str, dims: tuple[str, ...], values: Any, sample_rate: float | None = None) -> Label:
    """Return values with the long name and the units that belong to `name`."""
    long_name, *units = _DESCRIPTIONS[name]
    attributes: dict[str, Any] = {"long_name": long_name}
    if units:
        attributes["units"] = units[0 if sample_rate is None else -1]
    return Label(dims, values, attributes)


def attributes(
    bank: FilterBank, transform: Transform, sample_rate: float | None = None
) -> dict[str, Any]:
    """Return strings and numbers that record how coefficients were computed."""
    found: dict[str, Any] = {
        "transform": transform,
        "jtfs_jax_version": importlib.metadata.version("jtfs_jax"),
        "filterbank": json.dumps(_arguments(bank)),
    }
    if sample_rate is not None:
        found["sample_rate"] = _checks.sample_rate(sample_rate)
    return found


def _arguments(bank: FilterBank) -> dict[str, Any]:
    """Return arguments of `filterbank` that build the same filters."""
    names = ["n_samples", "J", "Q", "T", "stride", *Options._fields]
    if bank.J_fr is None:
        names.remove("pad_mode_fr")
    else:
        names += ["J_fr", "Q_fr", "F", "stride_fr"]
    return {name: getattr(bank, name) for name in names} | {"dtype": bank.dtype.name}


def _frequency(bank: FilterBank, sample_rate: float | None) -> dict[str, Label]:
    values = wavelet_frequencies(bank, sample_rate=sample_rate)
    return {"frequency": label("frequency", ("frequency",), values, sample_rate)}


def _time(
    bank: FilterBank, sample_rate: float | None, n_samples: int | None, n2: int | None = None
) -> dict[str, Label]:
    values = frame_times(bank, n_samples=n_samples, sample_rate=sample_rate, n2=n2)
    return {"time": label("time", ("time",), values, sample_rate)}


def _time_of_samples(
    bank: FilterBank, sample_rate: float | None, n_samples: int | None
) -> dict[str, Label]:
    n = bank.n_samples if n_samples is None else _limits.length(n_samples)
    values = np.arange(n) / _checks.sample_rate(sample_rate)
    return {"time": label("time", ("time",), values, sample_rate)}


def _resolutions(bank: FilterBank, table: PathTable | TimePathTable) -> dict[str, list[int]] | None:
    """Return the paths of each resolution, keyed by its name, or None if there is only one."""
    by = ["stride"] if bank.T == 0 else []
    if bank.F == 0 and isinstance(table, PathTable):
        by.append("stride_fr")
    if not by:
        return None
    strides = list(zip(*(getattr(table, name).tolist() for name in by), strict=True))
    paths: dict[str, list[int]] = {}
    for path in sorted(range(len(table)), key=strides.__getitem__):
        of_path = zip(by, strides[path], strict=True)
        name = "_".join(f"{column}_{stride}" for column, stride in of_path)
        paths.setdefault(name, []).append(path)
    return paths


def _second_order(
    table: PathTable | TimePathTable,
    paths: Sequence[int],
    bank: FilterBank,
    sample_rate: float | None,
    n_samples: int | None,
) -> Group:
    """Return the group of all paths of one resolution."""
    coordinates = {"path": label("path", ("path",), np.array(paths, dtype=int))}
    for name, column in _columns(bank, table).items():
        coordinates[name] = label(name, ("path",), column[paths], sample_rate)
    dims = ("path", "time")
    if isinstance(table, PathTable):
        kinds = coordinates["kind"].attributes
        kinds |= {"flag_values": list(range(len(KINDS))), "flag_meanings": " ".join(KINDS)}
        n_fr = int(table.n_fr[paths[0]])
        bands = band_frequencies(bank, sample_rate=sample_rate, n_fr=n_fr)
        dims = ("path", "band_frequency", "time")
        coordinates["band_frequency"] = label("band_frequency", dims[1:2], bands, sample_rate)
    n2 = int(table.n2[paths[0]]) if bank.T == 0 else None
    return Group({"S2": dims}, coordinates | _time(bank, sample_rate, n_samples, n2))


def _columns(bank: FilterBank, table: PathTable | TimePathTable) -> dict[str, np.ndarray]:
    """Return the columns of a table, keyed by coordinate names, which are all different."""
    columns = {field.name: getattr(table, field.name) for field in fields(table)}
    if bank.T == "global":
        del columns["stride"]  # the length of the signal, on which labels do not depend
    if isinstance(table, PathTable):
        numbers = [KINDS.index(kind) for kind in table.kind]
        return columns | {"kind": np.array(numbers, dtype=np.int8)}
    return {
        f"path_{name}" if name in ("frequency", "bandwidth") else name: column
        for name, column in columns.items()
    }
