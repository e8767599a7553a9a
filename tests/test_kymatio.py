"""Agreement with Kymatio main, coefficient by coefficient, on golden data.

Kymatio samples the wavelets of spin −1 without the period of their Gaussian that reaches below zero
frequency: for the widest wavelet, 2.6e-5 of a low-pass is missing. Here negative spins are exact
mirrors of positive spins. To compare everything built on these wavelets as well, a test substitutes
Kymatio's wavelets.
"""

import json
import math
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jtfs_jax
from jtfs_jax import _design

FILES = sorted((Path(__file__).parent / "golden").glob("*.npz"))


def read(file):
    data = np.load(file)
    config = json.loads(str(data["config"]))
    transform, n = config.pop("transform"), config.pop("shape")
    options = {name: value for name, value in config.items() if name not in ("signal", "seed")}
    options["Q"] = tuple(options["Q"])
    keys = [tuple(int(i) for i in key if i >= 0) for key in data["keys"]]
    values = np.split(data["values"], np.cumsum(data["lengths"])[:-1])
    return transform, n, options, data["x"], dict(zip(keys, values, strict=True))


def coefficients(file, dtype):
    transform, n, options, x, expected = read(file)
    bank = jtfs_jax.filterbank(n, **options, dtype=dtype)
    function = jtfs_jax.jtfs if transform == "jtfs" else jtfs_jax.time_scattering
    # NumPy slices need no compilation.
    S = jax.tree.map(np.asarray, function(bank, jnp.asarray(x)))
    actual = jtfs_jax.to_kymatio(bank, S)
    n_psi = len(bank.wavelets_fr)
    assert set(expected) <= set(actual)
    # Kymatio returns nothing for the first order without averaging.
    extra = set(actual) - set(expected)
    assert not extra or (bank.T == 0 and all(len(key) == 2 for key in extra))
    return {key: actual[key] for key in expected}, expected, n_psi


def is_down(key, n_psi):
    return n_psi > 0 and len(key) == 3 and key[2] > n_psi


def assert_agree(actual, expected, file):
    """Agreement to 2e-5 in float64, and to 1e-4 of the loudest value in float32."""
    loudest = max(np.linalg.norm(value) / math.sqrt(value.size) for value in actual.values())
    errors = []
    for key, value in expected.items():
        norm, difference = np.linalg.norm(value), np.linalg.norm(actual[key] - value)
        if actual[key].dtype == np.float64:
            # In this file, Kymatio's padding lets the highest rows wrap around to the lowest.
            assert difference < (1e-4 if file.stem == "jtfs_chirp_q2" else 2e-5) * norm, key
        else:
            assert difference < 1e-4 * norm + 2e-7 * loudest * math.sqrt(value.size), key
        if norm > 1e-3 * loudest * math.sqrt(value.size):
            errors.append(difference / norm)
    if all(value.dtype == np.float64 for value in actual.values()):
        # Averages remove part of the differences between samples.
        assert np.median(errors) < (1e-6 if file.stem == "jtfs_no_averaging" else 4e-8)
    else:
        assert np.median(errors) < 3e-6


def test_coefficients_of_another_filterbank_are_refused():
    other = jtfs_jax.filterbank(1024, J=6, Q=4, J_fr=2)
    bank = jtfs_jax.filterbank(1024, J=7, Q=4, J_fr=2)
    for transform in (jtfs_jax.jtfs, jtfs_jax.time_scattering):
        S = jax.eval_shape(transform, other, np.ones(1024, np.float32))
        with pytest.raises(ValueError, match="paths of bank"):
            jtfs_jax.to_kymatio(bank, S)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_golden_data(file, dtype, x64, request):
    if dtype == jnp.float64:  # in float32, round as an optimized program does
        request.getfixturevalue("quick_compile")
    actual, expected, n_psi = coefficients(file, dtype)
    kept = {key: value for key, value in expected.items() if not is_down(key, n_psi)}
    assert_agree(actual, kept, file)


def kymatio_kernel_of_spin_down(wavelet, n):
    """Kymatio's wavelet of spin −1, from its Gaussians on the frequencies [−1, 2) only."""
    f = np.arange(-n, 2 * n).reshape(3, n) / n
    gabor = np.exp(-((f + wavelet.xi) ** 2) / (2 * wavelet.sigma**2)).sum(0)
    low_pass = np.exp(-(f**2) / (2 * wavelet.sigma**2)).sum(0)
    kernel = np.fft.ifft(gabor - gabor[0] / low_pass[0] * low_pass)
    return np.roll(kernel / np.abs(kernel).sum(), n // 2)


@pytest.mark.parametrize("file", [f for f in FILES if "jtfs" in f.stem], ids=lambda f: f.stem)
def test_golden_data_with_kymatio_wavelets_of_spin_down(file, x64, quick_compile, monkeypatch):
    def mirrored(family, n):
        return np.stack([kymatio_kernel_of_spin_down(psi, n).conj() for psi in family.wavelets])

    monkeypatch.setattr(_design, "row_kernels", mirrored)
    actual, expected, n_psi = coefficients(file, jnp.float64)
    kept = {key: value for key, value in expected.items() if is_down(key, n_psi)}
    assert kept
    assert_agree(actual, kept, file)
