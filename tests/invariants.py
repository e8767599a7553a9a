"""Properties of every filterbank and signal, as checks of a `Case`.

The transforms must be finite, have the shapes stated in the tables, commute with gains, batches and
time reversal, vanish for constants, and agree with the literal definition in `reference.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import reference

import jtfs_jax

PRECISION = 1e-5  # relative to the loudest coefficient of an order


@dataclass(frozen=True)
class Case:
    """A filterbank, signals, and their transforms."""

    bank: jtfs_jax.FilterBank
    x: dict[str, np.ndarray]
    results: dict[str, dict[str, np.ndarray]]  # by transform and order, with an axis of signals

    @property
    def rounding(self) -> float:
        """Rounding error of the signal "x"; some coefficients consist of nothing else."""
        return float(4 * np.finfo(self.bank.dtype).eps * np.abs(self.x["x"]).max())

    def of(self, name: str) -> dict[str, dict[str, np.ndarray]]:
        """Results for one of the signals."""
        row = list(self.x).index(name)
        return {
            transform: {order: values[row] for order, values in orders.items()}
            for transform, orders in self.results.items()
        }


def transforms(bank: jtfs_jax.FilterBank, x: Any) -> dict[str, Any]:
    """All transforms that the filterbank supports."""
    results: dict[str, Any] = {
        "time": jtfs_jax.time_scattering(bank, x),
        "scalogram": jtfs_jax.scalogram(bank, x),
    }
    return results if bank.J_fr is None else results | {"jtfs": jtfs_jax.jtfs(bank, x)}


_transforms = jax.jit(transforms)


def by_order(results: dict[str, Any]) -> dict[str, dict[str, np.ndarray]]:
    """Arrays of coefficients; one array per path if S2 is a dictionary."""
    arrays = jax.tree.map(np.asarray, results)
    found: dict[str, dict[str, np.ndarray]] = {"scalogram": {"U1": arrays["scalogram"]}}
    for name in arrays.keys() - {"scalogram"}:
        S = arrays[name]
        s2 = S.S2 if isinstance(S.S2, dict) else {"": S.S2}
        found[name] = {"S0": S.S0, "S1": S.S1}
        found[name] |= {f"S2{path}": values for path, values in s2.items()}
    return found


def make_case(bank: jtfs_jax.FilterBank, rng: np.random.Generator, largest_gain: int) -> Case:
    """Noise or a click, its scaled and reversed copies, a constant, and a signal with NaN."""
    n = bank.n_samples
    noise = rng.standard_normal(n)
    click = np.zeros(n)
    click[rng.integers(n)] = rng.uniform(0.5, 2)
    x = noise if rng.random() < 0.8 else click
    broken = x.copy()
    broken[rng.integers(n)] = np.nan
    signals = {"x": x, "reversed": x[::-1], "constant": np.full(n, 0.7), "nan": broken}
    signals |= {f"gain {gain}": gain * x for gain in gains(largest_gain)}
    signals = {name: np.asarray(y, bank.dtype) for name, y in signals.items()}
    results = _transforms(bank, np.stack(list(signals.values())))
    return Case(bank, signals, by_order(results))


def gains(largest: int) -> list[float]:
    """Powers of two and ten, and a negative gain."""
    return [2.0**3, 2.0**-3, -1.0, 10.0**largest, 10.0**-largest]


def is_finite(case: Case) -> None:
    """No NaN or infinity except for the signal with NaN; moduli are not negative."""
    for name in case.x.keys() - {"nan"}:
        floor = -PRECISION * np.abs(case.x[name]).max()
        for transform, orders in case.of(name).items():
            for order, values in orders.items():
                assert np.isfinite(values).all(), f"{transform}, {order}, {name}: not finite"
                least = values.min(initial=0)
                assert order == "S0" or least >= floor, f"{transform}, {order}, {name}: {least}"


def nan_stays(case: Case) -> None:
    """NaN in, NaN out: in all orders, in every coefficient that a row feeds."""
    for transform, orders in case.of("nan").items():
        for order, values in orders.items():
            fed = np.asarray(case.of("x")[transform][order]) != 0
            reached = np.isnan(values)
            reached = reached.any() if order == "S0" or not fed.any() else reached[fed].all()
            assert reached or not values.size or not fed.any(), f"{transform}, {order}: NaN is lost"


def has_shapes(case: Case) -> None:
    """Shapes match tables and coordinates, and rows that nothing feeds are 0."""
    bank, found = case.bank, case.of("x")
    frames = len(jtfs_jax.frame_times(bank))
    rows = len(jtfs_jax.wavelet_frequencies(bank))
    assert found["scalogram"]["U1"].shape == (rows, bank.n_samples)
    assert frames >= 1
    times = jtfs_jax.time_path_table(bank)
    for name in found.keys() - {"scalogram"}:
        assert found[name]["S0"].shape == (frames,), name
        assert found[name]["S1"].shape == (rows, frames), name
    if bank.T == 0:
        for n1, n2 in zip(times.n1.tolist(), times.n2.tolist(), strict=True):
            expected = (len(jtfs_jax.frame_times(bank, n2=n2)),)
            assert found["time"][f"S2{(n1, n2)}"].shape == expected
    else:
        assert found["time"]["S2"].shape == (len(times), frames)
    if bank.J_fr is not None:
        _joint_shapes(bank, found["jtfs"])


def _joint_shapes(bank: jtfs_jax.FilterBank, found: dict[str, np.ndarray]) -> None:
    table = jtfs_jax.path_table(bank)
    paths = list(zip(table.n2.tolist(), table.n_fr.tolist(), table.n_rows.tolist(), strict=True))
    assert len(set(paths)) == len(paths)
    if "S2" in found:
        bands = len(jtfs_jax.band_frequencies(bank))
        expected = (len(paths), bands, len(jtfs_jax.frame_times(bank)))
        assert found["S2"].shape == expected, (found["S2"].shape, expected)
        for values, (n2, n_fr, n_rows) in zip(found["S2"], paths, strict=True):
            assert 1 <= n_rows <= bands
            assert not values[n_rows:].any(), f"path {n2, n_fr} has more than {n_rows} rows"
        return
    assert [key for key in found if key.startswith("S2")] == [f"S2{path[:2]}" for path in paths]
    for n2, n_fr, n_rows in paths:
        frames = len(jtfs_jax.frame_times(bank, n2=n2 if bank.T == 0 else None))
        assert found[f"S2{(n2, n_fr)}"].shape == (n_rows, frames), (n2, n_fr)
        assert n_rows <= len(jtfs_jax.band_frequencies(bank, n_fr=n_fr))


def is_homogeneous(case: Case) -> None:
    """S(c x) = |c| S(x), and S0(c x) = c S0(x)."""
    for name in case.x:
        if name.startswith("gain"):
            gain = float(name.split()[1])
            scaled = {
                transform: {
                    order: values * (gain if order == "S0" else abs(gain))
                    for order, values in orders.items()
                }
                for transform, orders in case.of("x").items()
            }
            assert_near(case.of(name), scaled, name, case.rounding * abs(gain))


def constants_vanish(case: Case) -> None:
    """Wavelets have mean 0; φ_T has sum 1."""
    if case.bank.pad_mode == "zero":
        return
    for transform, orders in case.of("constant").items():
        for order, values in orders.items():
            expected = 0.7 if order == "S0" else 0.0
            assert np.abs(values - expected).max(initial=0) < PRECISION, f"{transform}, {order}"


def reversal_swaps_spins(case: Case) -> None:
    """Exact if the grid is its own mirror image: no decimation, equal padding on both sides."""
    bank = case.bank
    groups = [*bank.tables.groups1, *bank.tables.groups2]
    decimated = any(group.log2_stride or group.own is not None for group in groups)
    if bank.T != "global" or bank.n_samples % 2 or decimated:
        return
    forward, backward = case.of("x"), case.of("reversed")
    backward["scalogram"]["U1"] = backward["scalogram"]["U1"][:, ::-1]
    if bank.J_fr is not None:
        swapped, s2 = mirrored_paths(bank), backward["jtfs"]
        if "S2" in s2:
            s2["S2"] = s2["S2"][list(swapped.values())]
        else:
            found = {f"S2{path}": s2[f"S2{other}"] for path, other in swapped_keys(bank).items()}
            backward["jtfs"] = {"S0": s2["S0"], "S1": s2["S1"]} | found
    assert_near(backward, forward, "reversed", case.rounding)


def mirrored_paths(bank: jtfs_jax.FilterBank) -> dict[int, int]:
    """For each path, the path of opposite spin, or the path itself if it has no spin."""
    table = jtfs_jax.path_table(bank)
    columns = zip(table.n2.tolist(), table.n_fr.tolist(), table.spin.tolist(), strict=True)
    paths, n_psi = list(columns), len(bank.wavelets_fr)
    return {
        index: paths.index((n2, n_fr + spin * n_psi, -spin))
        for index, (n2, n_fr, spin) in enumerate(paths)
    }


def swapped_keys(bank: jtfs_jax.FilterBank) -> dict[tuple[int, int], tuple[int, int]]:
    """The same as keys, for S2 as a dictionary."""
    table = jtfs_jax.path_table(bank)
    keys = list(zip(table.n2.tolist(), table.n_fr.tolist(), strict=True))
    return {keys[index]: keys[other] for index, other in mirrored_paths(bank).items()}


def single_is_batch(case: Case) -> None:
    """Results do not depend on other signals of the batch."""
    single = by_order(_transforms(case.bank, case.x["x"]))
    assert_near(single, case.of("x"), "single", case.rounding)


def path_is_row(case: Case) -> None:
    """`jtfs_path` is a row of S2, for the first path, the last, and some in between."""
    if case.bank.J_fr is None or 0 in (case.bank.T, case.bank.F):
        return
    s2 = case.of("x")["jtfs"]["S2"]
    for index in {0, len(s2) // 3, 2 * len(s2) // 3, len(s2) - 1}:
        path = np.asarray(jtfs_jax.jtfs_path(case.bank, jnp.asarray(case.x["x"]), index))
        assert path.shape == s2[index].shape
        loudest = np.abs(s2).max()
        assert np.abs(path - s2[index]).max() <= PRECISION * loudest, f"path {index}"


Results = dict[str, dict[str, np.ndarray]]


def assert_near(actual: Results, expected: Results, what: str, rounding: float) -> None:
    """Assert equality to rounding, relative to the loudest coefficient of an order."""
    assert actual.keys() == expected.keys(), what
    for transform, orders in expected.items():
        assert orders.keys() == actual[transform].keys(), f"{transform}, {what}"
        loudest: dict[str, float] = {}
        for order, values in orders.items():
            peak = float(np.abs(values).max(initial=0))
            loudest[order[:2]] = max(loudest.get(order[:2], 0), peak)
        for order, values in orders.items():
            found, peak = actual[transform][order], loudest[order[:2]]
            assert found.shape == values.shape, f"{transform}, {order}, {what}"
            error = np.abs(found - values).max(initial=0)
            allowed = PRECISION * peak + rounding
            assert error <= allowed, f"{transform}, {order}, {what}: {error:.1e} of {peak:.1e}"


ALWAYS: tuple[Callable[[Case], None], ...] = (
    *(is_finite, has_shapes, is_homogeneous, constants_vanish, reversal_swaps_spins, nan_stays),
)
SOMETIMES: tuple[Callable[[Case], None], ...] = (single_is_batch, path_is_row)  # compile again


# ---- The definition ----------------------------------------------------------------------------


def literal_options(bank: jtfs_jax.FilterBank) -> dict[str, Any]:
    """The options of a filterbank in the form of `reference.py`."""
    names = ("J", "Q", "T", "stride", "analytic", "pad_mode", "normalize", "r_psi")
    options = {name: getattr(bank, name) for name in names}
    if bank.J_fr is not None:
        names = ("J_fr", "Q_fr", "F", "stride_fr", "pad_mode_fr")
        options |= {name: getattr(bank, name) for name in names}
    return options


def is_its_definition(case: Case) -> None:
    """Agreement with the literal definition on the library's sampling grids, in float64."""
    bank, table = case.bank, jtfs_jax.time_path_table(case.bank)
    if bank.J_fr is None:
        name, literal, pairs = "time", reference.time_scattering, (table.n1, table.n2)
    else:
        table = jtfs_jax.path_table(bank)
        name, literal, pairs = "jtfs", reference.jtfs, (table.n2, table.n_fr)
    expected = literal(case.x["x"], **literal_options(bank), decimate=True)
    found = case.of("x")[name]
    assert_close(found["S0"], expected.S0, 1e-7, "S0")
    assert_close(found["S1"], expected.S1, 1e-6, "S1")
    keys = list(zip(*(column.tolist() for column in pairs), strict=True))
    assert keys == list(expected.S2)
    loudest = max((np.linalg.norm(values) for values in expected.S2.values()), default=0.0)
    for index, (key, values) in enumerate(expected.S2.items()):
        path = found["S2"][index] if "S2" in found else found[f"S2{key}"]
        live = path[: len(values)] if path.ndim == 2 else path
        # Filters are cut at 4e-6 of their peak; silent paths consist of the difference.
        assert_close(live, values, 1e-5, f"S2{key}", room=1e-6 * float(loudest))


def assert_close(
    actual: np.ndarray, expected: np.ndarray, tolerance: float, what: str, room: float = 1e-12
) -> None:
    """Assert closeness as vectors."""
    assert actual.shape == expected.shape, f"{what}: {actual.shape} for {expected.shape}"
    error, length = np.linalg.norm(actual - expected), np.linalg.norm(expected)
    assert error <= tolerance * length + room, f"{what}: {error:.1e} of {length:.1e}"


def has_definition(bank: jtfs_jax.FilterBank) -> bool:
    """Whether the case is in float64, with as few periods of wavelets as in the reference."""
    psis = (*bank.wavelets1, *bank.wavelets2, *bank.wavelets_fr)
    return bank.dtype == np.float64 and max(psi.sigma for psi in psis) < 0.3
