"""The library against the literal definition in `reference.py`, over the space of options.

Two comparisons explain each other. With the reference on the library's sampling grids, both must
agree to the filters' truncation, on every path. With the reference at full rate, decimation is the
remaining difference: moduli are not band-limited, so a path may differ by up to the 2 % below, and
all paths together by far less.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference
import reference_filters
from helpers import noise, relative_error

import jtfs_jax
from jtfs_jax._platforms import LAYOUTS

N_CASES = 63  # test_fuzz.py draws others
TRUNCATION = 1e-5  # filters are cut at 1e-8 of their peak, and at a Nyquist bin at 4e-6
DECIMATION, DECIMATION_OF_PATH = 2e-3, 2e-2


def draw(seed):
    """Random options in range, and a signal."""
    rng = np.random.default_rng(seed)

    def power_of_two(largest):
        return 2 ** int(rng.integers(0, int(math.log2(largest)) + 1))

    n = int(rng.integers(60, 600))
    J1, J2 = (int(j) for j in rng.integers(2, 7, size=2))
    J = J1 if rng.random() < 0.6 else (J1, J2)
    Q1, Q2 = int(rng.integers(1, 2 * J1)), int(rng.integers(1, J2))
    Q = Q1 if rng.random() < 0.5 else (Q1, Q2)
    options: dict[str, Any] = {"J": J, "Q": Q}
    widths = [None, "global", 0, float(rng.uniform(1, n)), power_of_two(n)]
    options["T"] = widths[rng.integers(5)]
    if options["T"] not in ("global", 0) and rng.random() < 0.5:
        width = options["T"] or 2 ** (J1 if isinstance(J, int) else max(J))
        options["stride"] = power_of_two(width)
    n_rows = len(reference_filters.centers(J1, Q1))
    options["J_fr"] = int(rng.integers(1, int(math.log2(n_rows)) + 1))
    options["Q_fr"] = 1 if options["J_fr"] == 1 else int(rng.integers(1, 4))
    widths = [None, "global", 0, float(rng.uniform(1, n_rows)), power_of_two(n_rows)]
    options["F"] = widths[rng.integers(5)]
    if options["F"] not in ("global", 0) and rng.random() < 0.5:
        options["stride_fr"] = power_of_two(options["F"] or 2 ** options["J_fr"])
    t = np.arange(n) / n
    chirp = np.sin(2 * np.pi * n * (0.02 * t + 0.1 * t**2))
    x = rng.standard_normal(n) if rng.random() < 0.5 else chirp + 0.01 * rng.standard_normal(n)
    return options, x


def by_path(S, paths):
    """The second order in its stored layout, including the rows that nothing feeds."""
    return S.S2 if isinstance(S.S2, dict) else dict(zip(paths, S.S2, strict=True))


def assert_agree(S2, expected, of_path, of_all):
    assert list(S2) == list(expected)
    squares = 0.0
    for path, values in expected.items():
        live, rest = np.split(S2[path], [values.shape[0]])
        assert live.shape == values.shape
        assert not rest.any()
        assert relative_error(live, values) < of_path, path
        squares += np.sum((live - values) ** 2)
    assert squares <= of_all**2 * sum(np.sum(v**2) for v in expected.values())


@pytest.mark.parametrize("seed", range(N_CASES))
def test_jtfs_is_its_definition(seed, x64, quick_compile, monkeypatch):
    layout = LAYOUTS["cpu"]
    if seed % 2:
        layout = layout._replace(block=64)  # many blocks, even of these short signals
    if seed % 3:
        layout = layout._replace(transform=256 >> seed % 5)  # and several phases
    if seed % 4 == 3:  # and several blocks at once, or all of them
        layout = layout._replace(n_bytes=2 ** (12 + seed % 9), shares_batch=seed % 8 == 3)
    monkeypatch.setitem(LAYOUTS, "cpu", layout)
    options, x = draw(seed)
    bank = jtfs_jax.filterbank(len(x), **options, dtype=jnp.float64)
    S = jax.tree.map(np.asarray, jtfs_jax.jtfs(bank, x))
    table = jtfs_jax.path_table(bank)
    S2 = by_path(S, list(zip(table.n2.tolist(), table.n_fr.tolist(), strict=True)))

    same_grids = reference.jtfs(x, **options, decimate=True)
    assert relative_error(S.S0, same_grids.S0) < 1e-7
    assert relative_error(S.S1, same_grids.S1) < 1e-6
    assert_agree(S2, same_grids.S2, TRUNCATION, TRUNCATION)
    if isinstance(S.S2, dict):
        assert [len(values) for values in S2.values()] == table.n_rows.tolist()
    assert [len(values) for values in same_grids.S2.values()] == table.n_rows.tolist()

    literal = reference.jtfs(x, **options)
    assert relative_error(S.S1, literal.S1) < DECIMATION
    assert_agree(S2, literal.S2, DECIMATION_OF_PATH, DECIMATION)


@pytest.mark.parametrize("seed", range(0, N_CASES, 7))
def test_time_scattering_is_its_definition(seed, x64, quick_compile):
    options, x = draw(seed)
    options = {name: options[name] for name in ("J", "Q", "T", "stride") if name in options}
    bank = jtfs_jax.filterbank(len(x), **options, dtype=jnp.float64)
    S = jax.tree.map(np.asarray, jtfs_jax.time_scattering(bank, x))
    table = jtfs_jax.time_path_table(bank)
    S2 = by_path(S, list(zip(table.n1.tolist(), table.n2.tolist(), strict=True)))
    same_grids = reference.time_scattering(x, **options, decimate=True)
    assert relative_error(S.S0, same_grids.S0) < 1e-7
    assert relative_error(S.S1, same_grids.S1) < 1e-6
    assert_agree(S2, same_grids.S2, TRUNCATION, TRUNCATION)
    assert_agree(S2, reference.time_scattering(x, **options).S2, DECIMATION_OF_PATH, DECIMATION)


TIGHT: dict[str, Any] = {"normalize": "energy", "pad_mode_fr": "conj-reflect"}
OPTIONS: dict[str, dict[str, Any]] = {
    "sharp": {"analytic": True, "pad_mode": "conj-reflect", "T": 40.0, "stride": 8},
    "zero, global": {"analytic": True, "pad_mode": "zero", "T": "global", "F": "global"},
    "periodic, not averaged": {"pad_mode": "periodic", "r_psi": 0.8, "T": 0, "F": 0},
    "tight": {**TIGHT, "analytic": True, "F": 6.0, "stride_fr": 2, "r_psi": 0.9},
    "tight, global": {**TIGHT, "T": "global", "F": "global"},
    "tight, not averaged": {**TIGHT, "pad_mode": "zero", "T": 0, "F": 0},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options_are_their_definition(name, x64, quick_compile, monkeypatch):
    monkeypatch.setitem(LAYOUTS, "cpu", LAYOUTS["cpu"]._replace(transform=128))  # several phases
    options = {"J": (4, 6), "Q": (5, 1), "J_fr": 3, "Q_fr": 2} | OPTIONS[name]
    x = noise(250, dtype=np.float64)
    bank = jtfs_jax.filterbank(len(x), **options, dtype=jnp.float64)
    S = jtfs_jax.jtfs(bank, x)
    expected = reference.jtfs(x, **options, decimate=True)
    assert relative_error(S.S0, expected.S0) < 1e-7
    assert relative_error(S.S1, expected.S1) < 1e-6
    assert_agree(by_path(S, expected.S2), expected.S2, TRUNCATION, TRUNCATION)


def test_a_tight_frame_whose_lowest_center_falls_on_a_bin(x64, quick_compile):
    options: dict[str, Any] = {"J": 5, "Q": (8, 4), "T": 6.469105010518703, "J_fr": 2, "Q_fr": 2}
    options |= {"normalize": "energy", "r_psi": 0.556683566707525}
    x = noise(64, dtype=np.float64)
    bank = jtfs_jax.filterbank(len(x), **options, dtype=jnp.float64)
    expected = reference.jtfs(x, **options, decimate=True)
    assert_agree(by_path(jtfs_jax.jtfs(bank, x), expected.S2), expected.S2, TRUNCATION, TRUNCATION)


@pytest.mark.parametrize("name", ["sharp", "zero, global", "tight", "tight, global"])
def test_oversampling_leaves_no_decimation(name, x64, quick_compile):
    options = {"J": (4, 6), "Q": (5, 1), "J_fr": 3, "Q_fr": 2} | OPTIONS[name]
    x = noise(250, dtype=np.float64)
    literal = reference.jtfs(x, **options)
    errors = []
    for oversampling in (0, 1, 9):
        bank = jtfs_jax.filterbank(len(x), **options, dtype=jnp.float64, oversampling=oversampling)
        S2 = by_path(jtfs_jax.jtfs(bank, x), literal.S2)
        pairs = [(S2[path][: len(s)], s) for path, s in literal.S2.items()]
        errors.append([relative_error(actual, expected) for actual, expected in pairs])
    decimated, denser, full = (np.median(of_paths) for of_paths in errors)
    assert decimated > 2 * denser >= 2 * full
    assert max(errors[-1]) < TRUNCATION


def test_oversampling_keeps_the_samples_of_paths_without_averages(x64, quick_compile):
    options: dict[str, Any] = {"J": 6, "Q": (5, 1), "J_fr": 3, "T": 0, "F": 0}
    x = noise(250, dtype=np.float64)
    bank = jtfs_jax.filterbank(len(x), **options, dtype=jnp.float64, oversampling=9)
    S2, literal = jtfs_jax.jtfs(bank, x).S2, reference.jtfs(x, **options).S2
    assert_agree(S2, literal, TRUNCATION, TRUNCATION)


def test_reflections_of_reflections_keep_their_spin(x64, quick_compile):
    # For a signal this short, padding takes many.
    options: dict[str, Any] = {"J": 6, "Q": 3, "J_fr": 2, "pad_mode": "conj-reflect"}
    x = noise(23, dtype=np.float64)
    bank = jtfs_jax.filterbank(len(x), **options, dtype=jnp.float64)
    S = jtfs_jax.jtfs(bank, x)
    expected = reference.jtfs(x, **options, decimate=True)
    assert_agree(by_path(S, expected.S2), expected.S2, TRUNCATION, TRUNCATION)


@pytest.mark.parametrize("J", [7, 9, (6, 9)])
@pytest.mark.parametrize("n", [37, 70, 100])
def test_signals_shorter_than_the_wavelets(n, J, x64, quick_compile):
    x = noise(n, seed=n, dtype=np.float64)
    options: dict[str, Any] = {"J": J, "Q": 4, "J_fr": 2}
    bank = jtfs_jax.filterbank(n, **options, dtype=jnp.float64)
    assert bank.n_padded > 2 * n
    S = jax.tree.map(np.asarray, jtfs_jax.jtfs(bank, x))
    expected = reference.jtfs(x, **options, decimate=True)
    assert S.S0.shape[-1] >= 1
    assert relative_error(S.S1, expected.S1) < 1e-6
    # Filters are cut at 1e-8 of their peaks, and some paths with such long wavelets are as small.
    cut = 1e-9 * np.linalg.norm(expected.S1)
    for index, values in enumerate(expected.S2.values()):
        difference = np.linalg.norm(S.S2[index][: len(values)] - values)
        assert difference < TRUNCATION * np.linalg.norm(values) + cut


def test_scalogram_is_its_definition(x64):
    x = noise(1000, dtype=np.float64)
    bank = jtfs_jax.filterbank(1000, 8, 8, dtype=jnp.float64)
    expected = reference.time_scattering(x, J=8, Q=8, T=0).S1
    assert relative_error(jtfs_jax.scalogram(bank, x), expected) < 1e-6


def test_float32_agrees_with_float64():
    options: dict[str, Any]
    options, n = {"J": 8, "Q": 8, "J_fr": 3, "T": 100.0}, 1000
    x = noise(n)
    S = jtfs_jax.jtfs(jtfs_jax.filterbank(n, **options), x)
    expected = reference.jtfs(x, **options, decimate=True)
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(S))
    assert relative_error(S.S0, expected.S0) < 1e-6
    assert relative_error(S.S1, expected.S1) < 1e-6
    for index, values in enumerate(expected.S2.values()):
        assert relative_error(np.asarray(S.S2[index])[: len(values)], values) < 1e-5
