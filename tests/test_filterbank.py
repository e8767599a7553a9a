"""Arguments of `filterbank`: the meaning of None, and errors that name argument, rule and cure."""

import fractions
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference
from helpers import noise, relative_error

import jtfs_jax

GOOD: dict[str, Any] = {"n_samples": 1000, "J": 7, "Q": 8, "J_fr": 3}
ERRORS = {
    "no samples": ({"n_samples": 0}, r"n_samples must be an integer of at least 1, got 0"),
    "fractional length": ({"n_samples": 10.5}, "n_samples must be an integer"),
    "J zero": ({"J": 0}, "J must be an integer of at least 1"),
    "J boolean": ({"J": True}, "J must be an integer"),
    "J triple": ({"J": (1, 2, 3)}, "J must be an integer or a pair"),
    "J too large": ({"J": 14}, r"J must be .* at most 16 n_samples = 16000, got 14; lower J"),
    "J of order two too large": ({"J": (5, 14)}, r"got \(5, 14\)"),
    "Q zero": ({"Q": (8, 0)}, r"Q\[1\] must be an integer of at least 1, got 0"),
    "Q list of three": ({"Q": [8, 1, 1]}, "Q must be an integer or a pair"),
    "Q beyond J": ({"J": 2, "Q": 16, "J_fr": None}, "lower Q or raise J"),
    "T too large": (
        {"T": 1001},
        r'T must be 0 .* between 1 and 1000 samples, got 1001; .*"global"',
    ),
    "T too small": ({"T": 0.5}, "T must be 0"),
    "T negative": ({"T": -1}, "T must be 0"),
    "T nan": ({"T": float("nan")}, "T must be None"),
    "T beyond floats": ({"T": 10**400}, "T must be None"),
    "Q of order two beyond J": ({"Q": (1, 99), "J": 3, "J_fr": None}, r"Q\[1\] must leave"),
    "huge Q": ({"Q": 10**9}, "lower Q"),
    "one sample": ({"n_samples": 1, "J": 1, "Q": 1, "J_fr": None}, "n_samples must be at least 2"),
    "half precision by name": ({"dtype": "float16"}, "dtype must be float32 or float64"),
    "no type": ({"dtype": "single precision"}, "dtype must be float32 or float64"),
    "no dtype": ({"dtype": None}, "dtype must be"),
    "J beyond all": ({"J": 10**30}, "lower J or use longer signals"),
    "J beyond what Python writes": ({"J": 10**5000}, "got a value of thousands of digits; lower J"),
    "J_fr beyond all": ({"J_fr": 2**63}, "lower J_fr"),
    "samples beyond memory": ({"n_samples": 2**40}, "n_samples, .* fit into memory, .* segments"),
    "samples beyond integers": ({"n_samples": 2**63}, "n_samples, .* fit into memory"),
    "samples beyond floats": ({"n_samples": 2**5000, "J": 4999}, "n_samples, .* fit into memory"),
    "wavelets beyond memory": ({"n_samples": 2**20, "J": 20, "Q": 10**5}, "fit into memory"),
    "r_psi of almost 1": ({"r_psi": 1 - 1e-9}, r"r_psi must be at most 0\.999 for Q=8"),
    "r_psi next to 1": ({"r_psi": np.nextafter(1, 0)}, r"r_psi must be at most 0\.999 for Q=8"),
    "r_psi of the second order": ({"r_psi": 0.999, "Q": 17}, r"at most 0\.973 for Q\[1\]=1"),
    "r_psi of rows": ({"r_psi": 0.99, "Q": (8, 3)}, r"at most 0\.973 for Q_fr=1, .* raise Q_fr"),
    "r_psi of none": ({"r_psi": float("nan")}, "r_psi must be a number"),
    "widths of one axis": ({"T": np.ones(1)}, "T must be None"),
    "truth from NumPy": ({"T": np.True_}, "T must be None"),
    "truth from JAX": ({"F": jnp.array(True)}, "F must be None"),
    "widths without J_fr": ({"J_fr": None, "F": np.ones(2)}, "F must be None if J_fr is None"),
    "huge stride": ({"stride": 2**70}, "stride must be a power of two between 1 and 128"),
    "pair of frequential ones": ({"Q_fr": (1, 2)}, r"Q_fr must be an integer, got \(1, 2\)"),
    "Q empty": ({"Q": ()}, r"Q must be an integer or a pair \(Q1, Q2\), got \(\)"),
    "Q nested": ({"Q": (8, [1])}, r"Q\[1\] must be an integer"),
    "names of another language": ({"dtype": {"a": 1}}, "dtype must be float32 or float64"),
    "T text": ({"T": "all"}, "T must be None"),
    "T boolean": ({"T": True}, "T must be None"),
    "stride no power of two": ({"stride": 3}, "stride must be a power of two between 1 and 128"),
    "stride beyond T": ({"T": 100, "stride": 128}, "between 1 and 64"),
    "stride without T": ({"T": 0, "stride": 2}, "stride must be None if T=0"),
    "stride with global T": ({"T": "global", "stride": 2}, "stride must be None if T='global'"),
    "J_fr too large": ({"J_fr": 7}, r"2\*\*J_fr is at most 64, the number of rows"),
    "J_fr zero": ({"J_fr": 0}, "J_fr must be an integer"),
    "Q_fr zero": ({"Q_fr": 0}, "Q_fr must be an integer"),
    "Q_fr beyond J_fr": ({"J_fr": 1, "Q_fr": 8}, "lower Q_fr or raise J_fr"),
    "F too large": ({"F": 65}, "F must be 0 .* between 1 and 64 rows"),
    "F text": ({"F": "none"}, "F must be None"),
    "stride_fr beyond F": ({"F": 4, "stride_fr": 8}, "stride_fr must be a power of two"),
    "stride_fr without F": ({"F": 0, "stride_fr": 1}, "stride_fr must be None if F=0"),
    "F without J_fr": ({"J_fr": None, "F": 4}, "F must be None if J_fr is None"),
    "Q_fr without J_fr": ({"J_fr": None, "Q_fr": 2}, "Q_fr must be 1 if J_fr is None"),
    "unknown preset": ({"preset": "best"}, "preset must be 'kymatio' or 'sharp', got 'best'"),
    "unknown padding": ({"pad_mode": "edge"}, "pad_mode must be 'reflect' or .* got 'edge'"),
    "reflection of bands": ({"pad_mode_fr": "reflect"}, "pad_mode_fr must be 'zero' or"),
    "bands without J_fr": (
        {"J_fr": None, "pad_mode_fr": "zero"},
        "must be None if J_fr is None",
    ),
    "analytic as a number": ({"analytic": 1}, "analytic must be False or True, got 1"),
    "unknown norm": ({"normalize": "l2"}, "normalize must be 'l1' or 'energy', got 'l2'"),
    "r_psi of 1": ({"r_psi": 1}, "r_psi must be a number between 0 and 1, exclusive, got 1"),
    "r_psi too small": ({"J": 3, "Q": 8, "r_psi": 0.01, "J_fr": None}, "lower Q or raise J"),
    "integer dtype": ({"dtype": np.int32}, "dtype must be float32 or float64, got .*int32"),
    "half precision": ({"dtype": np.float16}, "dtype must be float32 or float64"),
    "float64 without x64": ({"dtype": np.float64}, "jax_enable_x64"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_out_of_range(name):
    change, message = ERRORS[name]
    with pytest.raises(ValueError, match=message):
        jtfs_jax.filterbank(**GOOD | change)


def test_defaults():
    bank = jtfs_jax.filterbank(1000, J=(6, 7), Q=8, J_fr=3)
    assert (bank.T, bank.stride, bank.F, bank.stride_fr) == (128, 128, 8, 8)
    assert (bank.J, bank.Q, bank.Q_fr) == ((6, 7), (8, 1), 1)


def test_presets_are_options_to_override():
    bank = jtfs_jax.filterbank(1000, J=6, Q=4, J_fr=2, preset="sharp", pad_mode="zero")
    assert (bank.analytic, bank.pad_mode, bank.pad_mode_fr) == (True, "zero", "zero")
    default = jtfs_jax.filterbank(1000, J=6, Q=4, J_fr=2)
    assert (default.analytic, default.pad_mode, default.normalize) == (False, "reflect", "l1")


GENEROUS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "NumPy": (
        {"J": np.int32(7), "Q": np.int64(8), "T": np.float32(100), "J_fr": np.int8(3)},
        {"T": 100},
    ),
    "no axes": (
        {"n_samples": np.array(1000), "J": np.array(6), "Q": np.array(4), "T": np.array(99.5)},
        {"J": 6, "Q": 4, "T": 99.5},
    ),
    "JAX": (
        {"J": jnp.array(6), "stride": jnp.array(4), "F": jnp.array(4.0), "stride_fr": jnp.array(2)},
        {"J": 6, "stride": 4, "F": 4, "stride_fr": 2},
    ),
    "one in a tuple": ({"Q": (8,), "J": (7,), "Q_fr": (2,)}, {"Q_fr": 2}),
    "arrays of two": ({"Q": np.array([8, 2]), "J": jnp.array([7, 6])}, {"Q": (8, 2), "J": (7, 6)}),
    "names": (
        {"preset": np.str_("sharp"), "T": np.str_("global")},
        {"preset": "sharp", "T": "global"},
    ),
    "truth": ({"analytic": np.True_}, {"analytic": True}),
    "fraction": ({"r_psi": fractions.Fraction(3, 4)}, {"r_psi": 0.75}),
}


@pytest.mark.parametrize("name", GENEROUS)
def test_numbers_of_any_library(name):
    given, plain = GENEROUS[name]
    banks = [jtfs_jax.filterbank(**GOOD | options) for options in (given, plain)]
    assert jax.tree.structure(banks[0]) == jax.tree.structure(banks[1])
    assert hash(jax.tree.structure(banks[0])) == hash(jax.tree.structure(banks[1]))


def test_traced_options_are_refused():
    with pytest.raises(ValueError, match="T must be known while JAX traces a function"):
        jax.jit(lambda T: jtfs_jax.filterbank(1000, 7, 8, T=T))(3.0)


@pytest.mark.parametrize("options", [{"J_fr": 5}, {"J_fr": 2, "F": 45.0, "stride_fr": 8}])
def test_rows_of_all_octaves(options, x64, quick_compile):
    """Frequential filters may be as wide as J + 1 octaves, although there are fewer rows."""
    options = {"J": 5, "Q": 8} | options
    bank = jtfs_jax.filterbank(300, **options, dtype=jnp.float64)
    assert len(bank.wavelets1) < 2**5
    x = noise(300, dtype=np.float64)
    S = jtfs_jax.jtfs(bank, x)
    expected = reference.jtfs(x, **options, decimate=True)
    for path, values in jtfs_jax.by_path(bank, S).items():
        assert relative_error(values, expected.S2[path]) < 1e-5
    assert len(S.S2) == len(expected.S2)


@pytest.mark.parametrize(("J", "Q", "r_psi"), [(1, (3, 3), 0.9), (2, 4, None), ((7, 1), 8, None)])
def test_without_paths_of_wavelets_there_is_a_warning(J, Q, r_psi):
    with pytest.warns(UserWarning, match="no wavelets over time.* Raise J"):
        bank = jtfs_jax.filterbank(1000, J, Q, J_fr=1, r_psi=r_psi)
    assert (jtfs_jax.path_table(bank).n2 < 0).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        jtfs_jax.filterbank(1000, J, Q, r_psi=r_psi)  # valid for the first order
        jtfs_jax.filterbank(1000, 3, 1, J_fr=1)


def test_types_may_be_named():
    assert jtfs_jax.filterbank(1000, 6, 4, dtype="float32").dtype == np.float32


def test_averages_wider_than_the_signal_by_default():
    bank = jtfs_jax.filterbank(500, J=9, Q=4)
    assert bank.T == 512
    S = jtfs_jax.time_scattering(bank, np.ones(500, np.float32))
    assert S.S1.shape[-1] == 1
