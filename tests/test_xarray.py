"""Labeled coefficients: labels against tables, selections against NumPy, and round trips."""

import json
import sys
from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest
import xarray
from helpers import TRANSFORMS, coefficients, imports, noise

import jtfs_jax

N, FS = 512, 8000.0
LONG = 1501  # samples of a signal processed in segments
OPTIONS: dict[str, dict[str, Any]] = {
    "averaged": {"T": 16, "F": 2},
    "global": {"T": "global", "F": "global"},
    "every row": {"T": 16, "F": 0},
    "mean of every row": {"T": "global", "F": 0},
    "every sample": {"T": 0, "F": 2},
    "mean of rows": {"T": 0, "F": "global"},
    "all": {"T": 0, "F": 0},
}


def make_bank(n_samples=N, **options):
    return jtfs_jax.filterbank(n_samples, J=4, Q=4, J_fr=2, **options)


@pytest.fixture(scope="module")
def bank():
    return make_bank(**OPTIONS["averaged"])


@pytest.fixture(params=OPTIONS)
def any_bank(request):
    return make_bank(**OPTIONS[request.param])


@pytest.fixture(params=TRANSFORMS)
def transform(request):
    return TRANSFORMS[request.param]


def dataset(bank, S, **options) -> Any:
    return jtfs_jax.to_xarray(bank, S, **options)


def datasets(found):
    """The datasets with coefficients: one, or several in a tree."""
    if isinstance(found, xarray.Dataset):
        return [found]
    return [node.to_dataset() for node in found.subtree if node.data_vars]


def second_order(found):
    return [ds for ds in datasets(found) if "S2" in ds]


def of_length(transform, bank, n_samples):
    """Random coefficients of a signal of this length."""
    x = jax.ShapeDtypeStruct((n_samples,), np.float32)
    shapes = jax.eval_shape(lambda bank, x: transform(bank, x), bank, x)
    return jax.tree.map(lambda leaf: noise(*leaf.shape, seed=leaf.size), shapes)


# ---- Labels --------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample_rate", [None, FS])
def test_labels_of_paths_are_those_of_the_table(any_bank, sample_rate):
    table = jtfs_jax.path_table(any_bank, sample_rate=sample_rate)
    found = dataset(any_bank, coefficients(any_bank), sample_rate=sample_rate)
    paths = []
    for ds in second_order(found):
        paths += ds.path.values.tolist()
        for name in table.__dataclass_fields__:
            if (any_bank.T, name) == ("global", "stride"):
                assert name not in ds.coords
                continue
            column = ds[name].values
            if name == "kind":
                assert column.dtype == np.int8
                assert ds.kind.attrs["flag_values"] == [0, 1, 2, 3]
                column = np.array(ds.kind.attrs["flag_meanings"].split())[column]
            np.testing.assert_array_equal(column, getattr(table, name)[ds.path.values])
        bands = jtfs_jax.band_frequencies(
            any_bank, sample_rate=sample_rate, n_fr=int(ds.n_fr.values[0])
        )
        np.testing.assert_array_equal(ds.band_frequency, bands)
    assert sorted(paths) == list(range(len(table)))


@pytest.mark.parametrize("T", [64, "global", 0])
def test_labels_of_time_paths_are_those_of_the_table(T):
    bank = jtfs_jax.filterbank(N, J=4, Q=4, T=T)
    table = jtfs_jax.time_path_table(bank, sample_rate=FS)
    S = coefficients(bank, transform=jtfs_jax.time_scattering)
    paths = []
    for ds in second_order(dataset(bank, S, sample_rate=FS)):
        paths += ds.path.values.tolist()
        for name in set(table.__dataclass_fields__) - ({"stride"} if T == "global" else set()):
            label = f"path_{name}" if name in ("frequency", "bandwidth") else name
            np.testing.assert_array_equal(ds[label], getattr(table, name)[ds.path.values])
    assert sorted(paths) == list(range(len(table)))


@pytest.mark.parametrize("n_samples", [None, LONG])
def test_frequencies_and_times(any_bank, n_samples):
    options = {"n_samples": n_samples, "sample_rate": FS}
    S = jtfs_jax.segmented(jtfs_jax.jtfs) if n_samples else jtfs_jax.jtfs
    S = of_length(S, any_bank, n_samples or N)
    for ds in datasets(dataset(any_bank, S, **options)):
        if "S1" in ds:
            frequencies = jtfs_jax.wavelet_frequencies(any_bank, sample_rate=FS)
            np.testing.assert_array_equal(ds.frequency, frequencies)
            n2s = [None]
        else:
            n2s = ds.n2.values.tolist()
        for n2 in n2s:
            times = jtfs_jax.frame_times(any_bank, n2=n2, **options)
            np.testing.assert_array_equal(ds.time, times)


def test_units(bank):
    S = coefficients(bank)
    for sample_rate, units in ((None, ("cycles/sample", "samples")), (FS, ("Hz", "s"))):
        ds = dataset(bank, S, sample_rate=sample_rate)
        for name in ("frequency", "band_frequency", "rate", "rate_bandwidth"):
            assert ds[name].attrs["units"] == units[0]
        assert ds.time.attrs["units"] == units[1]
        assert ds.scale.attrs["units"] == ds.scale_bandwidth.attrs["units"] == "cycles/octave"
        assert ds.attrs.get("sample_rate") == sample_rate
    assert all(ds[name].attrs["long_name"] for name in ds.variables)


@pytest.mark.usefixtures("quick_compile")
@pytest.mark.parametrize("n", [512, 451, LONG])
def test_a_burst_is_where_the_labels_say(transform, n):
    """A burst at 1.5 kHz after two thirds of the signal, in one call and in segments."""
    bank = make_bank(min(n, N), T=16)
    t = np.arange(n) / FS
    x = np.sin(2 * np.pi * 1500 * t) * np.exp(-(((t - t[2 * n // 3]) / 0.005) ** 2))
    segments = {} if n <= N else {"n_samples": n}
    function = jtfs_jax.segmented(transform) if segments else transform
    ds = dataset(bank, function(bank, x.astype(np.float32)), sample_rate=FS, **segments)
    u = ds.S1 if "S1" in ds else ds.U1
    loudest = u[u.argmax(...)]
    assert abs(np.log2(loudest.frequency / 1500)) < 1 / 8  # half the spacing of wavelets
    assert abs(loudest.time - t[2 * n // 3]) <= 32 / FS


# ---- Selections ----------------------------------------------------------------------------------


def test_selection_by_frequency_and_time(bank):
    S = coefficients(bank, 3)
    ds = dataset(bank, S, sample_rate=FS)
    frequencies = jtfs_jax.wavelet_frequencies(bank, sample_rate=FS)
    row = np.argmin(np.abs(frequencies - 440))
    assert 0 < row < len(frequencies) - 1
    np.testing.assert_array_equal(ds.S1.sel(frequency=440, method="nearest"), S.S1[:, row])
    times = jtfs_jax.frame_times(bank, sample_rate=FS)
    within = (times >= 0.02) & (times <= 0.1)
    assert 0 < within.sum() < len(times)
    found = ds.sel(time=slice(0.02, 0.1))
    for name in ("S0", "S1", "S2"):
        np.testing.assert_array_equal(found[name], getattr(S, name)[..., within])
    bands = jtfs_jax.band_frequencies(bank, sample_rate=FS)
    within = (bands <= 2000) & (bands >= 200)
    assert 0 < within.sum() < len(bands)
    found = ds.S2.sel(band_frequency=slice(2000, 200))
    np.testing.assert_array_equal(found, S.S2[:, :, within])


def test_selection_of_paths(bank):
    S, table = coefficients(bank, 3), jtfs_jax.path_table(bank, sample_rate=FS)
    ds = dataset(bank, S, sample_rate=FS)
    rising = (table.spin == 1) & (table.rate > 100) & (table.scale < 1)
    found = ds.S2.where((ds.spin == 1) & (ds.rate > 100) & (ds.scale < 1), drop=True)
    assert 0 < rising.sum() < len(table)
    np.testing.assert_array_equal(found, S.S2[:, rising])
    np.testing.assert_array_equal(found.path, np.flatnonzero(rising))


def test_one_function_treats_all_resolutions():
    bank = make_bank(T=0, F=0)
    S, table = coefficients(bank), jtfs_jax.path_table(bank, sample_rate=FS)
    tree = dataset(bank, S, sample_rate=FS)["second"]
    chosen = {}
    for node in tree.leaves:
        ds = node.to_dataset()
        chosen |= {int(p): ds.S2.sel(path=p) for p in ds.path[(ds.spin == -1) & (ds.rate > 100)]}
    assert sorted(chosen) == np.flatnonzero((table.spin == -1) & (table.rate > 100)).tolist()
    keys = list(zip(table.n2.tolist(), table.n_fr.tolist(), strict=True))
    for path, values in chosen.items():
        np.testing.assert_array_equal(values[: table.n_rows[path]], S.S2[keys[path]])
    energies = tree.map_over_datasets(lambda ds: (ds**2).sum())
    total = sum(float(node.S2) for node in energies.leaves)
    assert total == pytest.approx(sum(np.sum(s2**2) for s2 in S.S2.values()), rel=1e-5)


# ---- Values --------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [(), (3,), (2, 3), (0,)])
def test_axes_of_a_batch(bank, transform, batch):
    S = coefficients(bank, *batch, transform=transform)
    ds = dataset(bank, S)
    axes = {0: (), 1: ("sound",), 2: ("sound_0", "sound_1")}[len(batch)]
    dims = {
        "U1": ("frequency", "time"),
        "S0": ("time",),
        "S1": ("frequency", "time"),
        "S2": ("path", "band_frequency", "time")
        if transform is jtfs_jax.jtfs
        else ("path", "time"),
    }
    assert set(ds.data_vars) == ({"U1"} if isinstance(S, np.ndarray) else {"S0", "S1", "S2"})
    for name, values in ds.data_vars.items():
        assert values.dims == (*axes, *dims[name])
        np.testing.assert_array_equal(values, S if name == "U1" else getattr(S, name))


@pytest.mark.parametrize("batch", [(), (3,), (2, 3)])
@pytest.mark.parametrize("name", [*list(OPTIONS)[2:], "of time scattering"])
def test_each_path_of_its_own_resolution(name, batch):
    options = OPTIONS.get(name, {"T": 0})
    bank = make_bank(**options)
    transform = jtfs_jax.jtfs if name in OPTIONS else jtfs_jax.time_scattering
    S = coefficients(bank, *batch, transform=transform)
    tree = dataset(bank, S)
    np.testing.assert_array_equal(tree["first"].S0, S.S0)
    np.testing.assert_array_equal(tree["first"].S1, S.S1)
    found, names = {}, ("n2", "n_fr") if name in OPTIONS else ("n1", "n2")
    for ds in second_order(tree):
        for p in range(ds.sizes["path"]):
            one = ds.isel(path=p)
            s2 = one.S2.values
            if name in OPTIONS:
                n_rows = int(one.n_rows)
                assert not s2[..., n_rows:, :].any()
                s2 = s2[..., :n_rows, :]
            found[tuple(int(one[n]) for n in names)] = s2
    assert found.keys() == S.S2.keys()
    for key, s2 in found.items():
        np.testing.assert_array_equal(s2, S.S2[key])


def test_there_are_fewer_arrays_than_paths():
    tree = dataset(bank := make_bank(T=0, F=0), coefficients(bank))
    assert 5 < len(second_order(tree)) < len(jtfs_jax.path_table(bank)) / 2
    ds = tree["second/stride_16_stride_fr_4"]
    assert set(ds.stride.values) == {16}
    assert set(ds.stride_fr.values) == {4}


def test_precision_and_arrays(bank):
    S = jax.tree.map(lambda s: s.astype(np.float64), coefficients(bank))
    ds = dataset(bank, S)
    assert {values.dtype for values in ds.data_vars.values()} == {np.dtype(np.float64)}
    ds = dataset(bank, jax.tree.map(jax.numpy.asarray, coefficients(bank)))
    for values in ds.data_vars.values():
        assert isinstance(values.data, np.ndarray)
        assert values.dtype == np.float32


def test_one_frame_of_a_mean():
    bank = make_bank(T="global", F="global")
    S = coefficients(bank, 2)
    ds = dataset(bank, S, sample_rate=FS)
    assert (ds.sizes["time"], ds.sizes["band_frequency"]) == (1, 1)
    assert ds.time == pytest.approx((N - 1) / 2 / FS)
    longer = dataset(bank, S, sample_rate=FS, n_samples=5000)
    assert longer.time == pytest.approx(4999 / 2 / FS)
    np.testing.assert_array_equal(longer.S2, S.S2)


# ---- Files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_samples", [None, LONG])
@pytest.mark.parametrize(
    ("name", "transform"),
    [
        ("averaged", jtfs_jax.scalogram),
        ("global", jtfs_jax.time_scattering),
        ("every sample", jtfs_jax.time_scattering),
        ("averaged", jtfs_jax.jtfs),
        ("mean of every row", jtfs_jax.jtfs),
        ("all", jtfs_jax.jtfs),
    ],
)
def test_zarr(name, transform, n_samples, tmp_path):
    bank = make_bank(**OPTIONS[name])
    function = jtfs_jax.segmented(transform) if n_samples else transform
    S = of_length(function, bank, n_samples or N)
    found = dataset(bank, S, sample_rate=FS, n_samples=n_samples)
    path = tmp_path / "sounds.zarr"
    found.to_zarr(path, zarr_format=3, consolidated=False)
    if isinstance(found, xarray.Dataset):
        again: Any = xarray.open_zarr(path, consolidated=False)
        again.sel(frequency=440, method="nearest")
    else:
        again = xarray.open_datatree(path, engine="zarr", consolidated=False)
        again["first"].sel(frequency=440, method="nearest")
    with again:
        xarray.testing.assert_identical(again.load(), found)
    assert {ds[name].dtype for ds in datasets(again) for name in ds.data_vars} == {
        np.dtype(np.float32)
    }


def test_netcdf(bank, transform, tmp_path):
    ds = dataset(bank, coefficients(bank, 2, transform=transform), sample_rate=FS)
    ds.to_netcdf(tmp_path / "sounds.nc", engine="scipy")
    with xarray.open_dataset(tmp_path / "sounds.nc", engine="scipy") as again:
        xarray.testing.assert_identical(again.load(), ds)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"T": "global", "F": 0, "pad_mode_fr": "conj-reflect", "r_psi": 0.6},
        {"T": 0, "F": "global", "preset": "sharp", "normalize": "energy"},
        {"T": 30, "stride": 8, "stride_fr": 1, "Q_fr": 2, "oversampling": 1, "pad_mode": "zero"},
        {"J_fr": None, "preset": "sharp", "J": (4, 5), "Q": (4, 2)},
    ],
    ids=str,
)
def test_attributes_make_the_filters_again(options):
    bank = jtfs_jax.filterbank(N, **({"J": 6, "Q": 4, "J_fr": 2} | options))
    S = coefficients(bank, transform=jtfs_jax.scalogram)
    arguments = json.loads(dataset(bank, S).attrs["filterbank"])
    again = jtfs_jax.filterbank(**arguments)
    assert jax.tree.structure(again) == jax.tree.structure(bank)  # all options
    jax.tree.map(np.testing.assert_array_equal, again, bank)


def test_attributes_of_a_tree_are_those_of_a_dataset(bank):
    tree = dataset(b := make_bank(T=0), coefficients(b), sample_rate=FS)
    ds = dataset(bank, coefficients(bank), sample_rate=FS)
    assert tree.attrs.keys() == ds.attrs.keys()
    assert ds.attrs["transform"] == tree.attrs["transform"] == "jtfs"
    assert ds.attrs["jtfs_jax_version"] == jtfs_jax.__version__


# ---- Errors --------------------------------------------------------------------------------------

ERRORS: dict[str, tuple[Any, str]] = {
    "other paths": (
        lambda bank: (make_bank(Q_fr=2), coefficients(bank), {}),
        r"S must have the 28 paths of bank",
    ),
    "other bands": (
        lambda bank: (make_bank(T=16, F=4), coefficients(bank), {}),
        r"S2 of shape \(18, 4, 32\), as bank gives for 512 samples, got \(18, 7, 32\); pass S as",
    ),
    "other rows": (
        lambda bank: (make_bank(T=0, F=0), coefficients(make_bank(T=0, F=2)), {}),
        r"S must have S2\[\(.*\)\] of shape .*; pass S as the transform returned it, and the",
    ),
    "no averages": (
        lambda bank: (bank, coefficients(make_bank(T=0, F=0)), {}),
        r"S must have S0 of shape \(32,\), .* got \(512,\); .* the filterbank that S was computed",
    ),
    "averages": (
        lambda bank: (make_bank(T=16, F=0), coefficients(bank), {}),
        r"S must have S2 of shape .* pass S as the transform returned it",
    ),
    "longer signal": (
        lambda bank: (bank, of_length(jtfs_jax.segmented(jtfs_jax.jtfs), bank, LONG), {}),
        r"S0 of shape \(32,\), as bank gives for 512 .*, got \(94,\); .* pass .* as n_samples,",
    ),
    "other length": (
        lambda bank: (bank, coefficients(bank), {"n_samples": LONG}),
        r"S0 of shape \(94,\), as bank gives for 1501 samples, got \(32,\); .* n_samples=None",
    ),
    "longer scalogram": (
        lambda bank: (bank, noise(14, LONG), {}),
        r"S must have U1 of shape \(14, 512\), .* got \(14, 1501\); .* pass .* as n_samples,",
    ),
    "other rows of a scalogram": (
        lambda bank: (bank, noise(2, 5, N), {}),
        r"S must have U1 of shape \(2, 14, 512\), .* got \(2, 5, 512\); pass S as",
    ),
    "a signal": (
        lambda bank: (bank, noise(N), {}),
        r"S must have U1 of shape \(14, 512\), .* got \(512,\); pass S as",
    ),
    "two batches": (
        lambda bank: (
            bank,
            eqx.tree_at(lambda S: S.S1, coefficients(bank, 2), coefficients(bank, 3).S1),
            {},
        ),
        r"S must have S1 of shape \(2, 14, 32\), .* got \(3, 14, 32\); pass S as",
    ),
    "no coefficients": (
        lambda bank: (bank, [1.0], {}),
        "S must be the result of jtfs, time_scattering or scalogram, got a list",
    ),
    "no joint filters": (
        lambda bank: (jtfs_jax.filterbank(N, J=4, Q=4), coefficients(bank), {}),
        "bank must have frequential wavelets",
    ),
    "sample rate": (
        lambda bank: (bank, coefficients(bank), {"sample_rate": 0}),
        "sample_rate must be a positive number",
    ),
    "number of samples": (
        lambda bank: (bank, coefficients(bank), {"n_samples": 1}),
        "n_samples must be at least 2",
    ),
    "number of samples of a scalogram": (
        lambda bank: (bank, noise(14, N), {"n_samples": 1.5}),
        "n_samples must be an integer",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(bank, name):
    arguments, match = ERRORS[name]
    bank, S, options = arguments(bank)
    with pytest.raises(ValueError, match=match):
        jtfs_jax.to_xarray(bank, S, **options)


def test_the_extra_is_named(bank, monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(ImportError, match=r"jtfs_jax\[store\]"):
        jtfs_jax.to_xarray(bank, coefficients(bank))


def test_xarray_is_not_imported_with_the_library():
    assert not imports("jtfs_jax", "xarray")
