"""Coefficients as labeled xarray datasets."""

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import Array, Float

from ._coefficients import JointScattering, TimeScattering, is_by_path, require_coefficients
from ._extras import require
from ._filterbank import FilterBank
from ._labels import Group, Label, Transform, attributes, groups, label

if TYPE_CHECKING:
    from xarray import Dataset, DataTree


def to_xarray(
    bank: FilterBank,
    S: JointScattering | TimeScattering | Float[Array | np.ndarray, "*batch n1 time"],
    *,
    sample_rate: float | None = None,
    n_samples: int | None = None,
) -> "Dataset | DataTree":
    """Return coefficients with labeled axes, for selection by frequency, rate, spin and time.

    The dataset has `S0 (…, time)`, `S1 (…, frequency, time)`, and `S2 (…, path, band_frequency,
    time)` for `jtfs` or `S2 (…, path, time)` for `time_scattering`; for a scalogram, it has `U1 (…,
    frequency, time)`. Batch axes come first: `sound`, or `sound_0`, `sound_1` and so on if there
    are several. `sel` selects frequencies, which run from high to low, and times. `where` selects
    paths by their coordinates, the columns of `path_table` or `time_path_table` with these
    exceptions:

    - `kind` is a number, whose meaning is in its attributes `flag_values` and `flag_meanings`;
    - `frequency` and `bandwidth` of `time_path_table` are `path_frequency` and `path_bandwidth`;
    - `stride` is absent if T="global", as there is only one frame.

    If T=0 or F=0, resolutions differ between paths, and the result is a tree of datasets, as usual
    in xarray for several resolutions. `first` has S0 and S1. Each dataset below `second` has the
    paths of one resolution as its S2, labeled as above: in `second/stride_64_stride_fr_2`, frames
    are 64 samples and bands 2 wavelets apart, and bands that no wavelet feeds are 0. There are few
    datasets even for hundreds of paths; `tree["second"].map_over_datasets` applies a function to
    all of them. `path` is the index in the table of all paths.

    Attributes of the dataset, or of the root of the tree, are `transform`, `jtfs_jax_version`,
    `sample_rate` if given, and `filterbank`, the arguments that rebuild `bank` (or its design if it
    comes from `with_parameters`): `jtfs_jax.filterbank(**json.loads(ds.attrs["filterbank"]))`.

    Requires the extra `store`.

    Args:
        bank: The filterbank that `S` was computed with.
        S: Result of `jtfs`, `time_scattering` or `scalogram`, with any batch axes.
        sample_rate: Sample rate in Hz. If None, frequencies are in cycles/sample and times in
            samples.
        n_samples: Length of the signal if `S` comes from `segmented` or `stream`. None means that
            `S` comes from a single call of the transform.

    Returns:
        An `xarray.Dataset` of NumPy arrays in the precision of `S`; for `jtfs` if T=0 or F=0, and
        for `time_scattering` if T=0, an `xarray.DataTree` of such datasets. Both have `to_zarr` and
        `to_netcdf`.

    Raises:
        ValueError: If `S` does not have the shapes that `bank` gives for signals of that length, or
            if `sample_rate` or `n_samples` is out of range.
        ImportError: If xarray is not installed.

    Example:
        >>> import jax.numpy as jnp, jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=8, Q=8, J_fr=3)
        >>> S = jtfs_jax.jtfs(bank, jnp.ones((2, 4096)))
        >>> ds = jtfs_jax.to_xarray(bank, S, sample_rate=8000.0)
        >>> dict(ds.sizes)
        {'sound': 2, 'time': 16, 'frequency': 54, 'path': 59, 'band_frequency': 7}
        >>> ds.S1.sel(frequency=440, method="nearest").sel(time=slice(0.1, 0.2)).shape
        (2, 3)
        >>> ds.S2.where((ds.spin == 1) & (ds.rate > 50), drop=True).sizes["path"]
        12

    See Also:
        path_table, time_path_table, wavelet_frequencies, band_frequencies, frame_times: the labels.
    """
    xarray = require("xarray", "store")
    transform = _transform_of(bank, S)
    found = groups(bank, transform, sample_rate=sample_rate, n_samples=n_samples)
    arrays = jax.tree.map(np.asarray, S)
    datasets = {
        name: xarray.Dataset(_variables(bank, arrays, group, n_samples), group.coordinates)
        for name, group in found.items()
    }
    about = attributes(bank, transform, sample_rate)
    if "/" in datasets:
        return datasets["/"].assign_attrs(about)
    return xarray.DataTree.from_dict({"/": xarray.Dataset(attrs=about), **datasets})


def _transform_of(bank: FilterBank, S: Any) -> Transform:
    if isinstance(S, np.ndarray | jax.Array):
        return "scalogram"
    if not isinstance(S, JointScattering | TimeScattering):
        raise ValueError(
            f"S must be the result of jtfs, time_scattering or scalogram, got a {type(S).__name__}."
        )
    require_coefficients(bank, S)
    return "jtfs" if isinstance(S, JointScattering) else "time_scattering"


def _variables(bank: FilterBank, S: Any, group: Group, n_samples: int | None) -> dict[str, Label]:
    """Return the coefficients of a group, after checking that their shapes fit the labels."""
    orders = {"U1": S} if isinstance(S, np.ndarray) else vars(S)
    batch = S.shape[:-2] if isinstance(S, np.ndarray) else S.S0.shape[:-1]
    axes = ("sound",) if len(batch) == 1 else tuple(f"sound_{axis}" for axis in range(len(batch)))
    check = functools.partial(_require_shape, bank, n_samples, batch)
    variables = {}
    for name, dims in group.variables.items():
        values, shape = orders[name], tuple(len(group.coordinates[dim].values) for dim in dims)
        if is_by_path(values):
            values = _stacked(values, group, batch, shape, check)
        check(name, values, shape)
        variables[name] = label(name, (*axes, *dims), values)
    return variables


def _stacked(
    s2: Mapping[tuple[int, int], Any],
    group: Group,
    batch: tuple[int, ...],
    shape: tuple[int, ...],
    check: Callable[..., None],
) -> np.ndarray:
    """Stack paths of one resolution into one array, with 0 in rows that no wavelet feeds."""
    columns = {name: column.values.tolist() for name, column in group.coordinates.items()}
    keys = zip(*(columns[name] for name in ("n1", "n2", "n_fr") if name in columns), strict=True)
    stacked = np.zeros((*batch, *shape), next(iter(s2.values())).dtype)
    for path, key in enumerate(keys):
        rows = (columns["n_rows"][path],) if "n_rows" in columns else ()
        check(f"S2[{key}]", s2[key], (*rows, shape[-1]))
        stacked[(..., path, *map(slice, rows), slice(None))] = s2[key]
    return stacked


def _require_shape(
    bank: FilterBank,
    n_samples: int | None,
    batch: tuple[int, ...],
    name: str,
    values: np.ndarray,
    shape: tuple[int, ...],
) -> None:
    """Require the shape of coefficients for a batch of signals of this length."""
    if values.shape == (*batch, *shape):
        return
    if values.shape[:-1] != (*batch, *shape[:-1]):
        cure = "pass S as the transform returned it"
    elif n_samples is None:
        cure = "if S comes from segmented or stream, pass the length of the signal as n_samples"
    else:
        cure = "pass the length of the signal of S, or n_samples=None for a single call"
    raise ValueError(
        f"S must have {name} of shape {(*batch, *shape)}, as bank gives for "
        f"{n_samples or bank.n_samples} samples, got {values.shape}; {cure}, and "
        f"the filterbank that S was computed with."
    )
