"""Arguments of `filterbank`: what None means, and errors that name argument, rule and cure."""

from typing import Any

import numpy as np
import pytest

import jtfs_jax

GOOD = {"n_samples": 1000, "J": 7, "Q": 8, "J_fr": 3}
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
    "T text": ({"T": "all"}, "T must be None"),
    "T boolean": ({"T": True}, "T must be None"),
    "stride no power of two": ({"stride": 3}, "stride must be a power of two between 1 and 128"),
    "stride beyond T": ({"T": 100, "stride": 128}, "between 1 and 64"),
    "stride without T": ({"T": 0, "stride": 2}, "stride must be None where T=0"),
    "stride with global T": ({"T": "global", "stride": 2}, "stride must be None where T='global'"),
    "J_fr too large": ({"J_fr": 6}, r"2\*\*J_fr is at most the number of bands, 46"),
    "J_fr zero": ({"J_fr": 0}, "J_fr must be an integer"),
    "Q_fr zero": ({"Q_fr": 0}, "Q_fr must be an integer"),
    "Q_fr beyond J_fr": ({"J_fr": 1, "Q_fr": 8}, "lower Q_fr or raise J_fr"),
    "F too large": ({"F": 47}, "F must be 0 .* between 1 and 46 bands"),
    "F text": ({"F": "none"}, "F must be None"),
    "stride_fr beyond F": ({"F": 4, "stride_fr": 8}, "stride_fr must be a power of two"),
    "stride_fr without F": ({"F": 0, "stride_fr": 1}, "stride_fr must be None where F=0"),
    "F without J_fr": ({"J_fr": None, "F": 4}, "F must be None where J_fr is None"),
    "Q_fr without J_fr": ({"J_fr": None, "Q_fr": 2}, "Q_fr must be 1 where J_fr is None"),
    "unknown preset": ({"preset": "best"}, "preset must be 'kymatio' or 'sharp', got 'best'"),
    "unknown padding": ({"pad_mode": "edge"}, "pad_mode must be 'reflect' or .* got 'edge'"),
    "reflection of bands": ({"pad_mode_fr": "reflect"}, "pad_mode_fr must be 'zero' or"),
    "bands without J_fr": (
        {"J_fr": None, "pad_mode_fr": "zero"},
        "must be None where J_fr is None",
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


def test_numpy_scalars_are_numbers():
    options: Any = {"J": np.int32(7), "Q": np.int64(8), "T": np.float32(100), "J_fr": np.int8(3)}
    bank = jtfs_jax.filterbank(1000, **options)
    assert bank.stride == 64


def test_types_may_be_named():
    assert jtfs_jax.filterbank(1000, 6, 4, dtype="float32").dtype == np.float32


def test_averages_wider_than_the_signal_by_default():
    bank = jtfs_jax.filterbank(500, J=9, Q=4)
    assert bank.T == 512
    S = jtfs_jax.time_scattering(bank, np.ones(500, np.float32))
    assert S.S1.shape[-1] == 1
