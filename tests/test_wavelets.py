"""Filters against the identities that define them."""

import jax.numpy as jnp
import numpy as np
import pytest

import jtfs_jax
from jtfs_jax import _wavelets

FAMILIES = [(8, 8), (12, 12), (6, 1), (9, 2), (13, 16), (5, 3)]
N = 2**15


def full(wavelet, n=N):
    first, last = _wavelets.passband(wavelet, n)
    psi_hat = np.zeros(n)
    np.add.at(
        psi_hat,
        np.arange(first, last + 1) % n,
        _wavelets.morlet_hat(wavelet, n, first, last + 1),
    )
    return psi_hat


@pytest.mark.parametrize(("J", "Q"), FAMILIES)
def test_frequencies_fall_and_bandwidths_have_an_elbow(J, Q):
    psis = _wavelets.wavelets(J, Q)
    xi, sigma = np.array([psi.xi for psi in psis]), np.array([psi.sigma for psi in psis])
    assert np.all(np.diff(xi) < 0)
    assert 0 < xi[-1] < xi[0] < 0.5
    narrowest = sigma.min() * 2**J / 0.1  # 1 if there are wavelets beyond the elbow
    assert 1 - 1e-9 < narrowest < (2 if Q == 1 else 1 + 1e-9)
    constant_q = sigma > 1.0001 * sigma.min()
    np.testing.assert_allclose((xi / sigma)[constant_q], xi[0] / sigma[0])
    np.testing.assert_allclose(np.diff(np.log2(xi[constant_q])), -1 / Q)
    assert np.all(np.diff([psi.j for psi in psis]) >= 0)


@pytest.mark.parametrize(("J", "Q"), FAMILIES)
def test_wavelets_have_zero_mean_unit_norm_and_peak_at_xi(J, Q):
    for psi in _wavelets.wavelets(J, Q)[:: max(Q // 2, 1)]:
        psi_hat = full(psi)
        assert abs(psi_hat[0]) < 1e-7 * psi_hat.max()
        assert np.isclose(np.abs(np.fft.ifft(psi_hat)).sum(), 1, rtol=1e-5)
        if psi.xi > 4 * psi.sigma:  # otherwise the correction for zero mean moves the peak
            assert abs(np.argmax(psi_hat) / N - psi.xi) < 1e-2 * psi.xi + 1 / N


@pytest.mark.parametrize(("J", "Q"), FAMILIES)
def test_decimation_does_not_alias(J, Q):
    for psi in _wavelets.wavelets(J, Q):
        _, last = _wavelets.passband(psi, N)
        if psi.j:
            beyond = _wavelets.morlet_hat(psi, N, N >> (psi.j + 1), max(last, N >> psi.j))
            assert np.abs(beyond).max() < 1e-5


@pytest.mark.parametrize(("J", "Q"), FAMILIES)
def test_littlewood_paley_sum_is_even(J, Q):
    """Neighbors cross at √½ of their unit peaks: half the energy is kept at each frequency."""
    psis = _wavelets.wavelets(J, Q)
    total = np.sum([full(psi) ** 2 for psi in psis], axis=0)
    total = 0.5 * (total + np.roll(total[::-1], 1))
    lowest = min(psi.xi for psi in psis if psi.sigma > 1.0001 * psis[-1].sigma)
    # One octave from where bandwidths become constant. Q = 1 has the zero-mean corrections.
    covered = total[int(2 * lowest * N) : int(psis[0].xi * N)]
    tolerance = 0.13 if Q == 1 else 0.085
    np.testing.assert_allclose(covered, 0.5, atol=tolerance)
    with_low_pass = total + np.fft.fft(_wavelets.low_pass(2**J, N)).real ** 2
    assert with_low_pass.max() < 1 + 1e-6


@pytest.mark.parametrize("width", [1, 3.7, 64, 1000.0, 5 * N])
def test_low_pass_is_a_gaussian_of_unit_sum(width):
    phi = _wavelets.low_pass(width, N)
    assert np.isclose(phi.sum(), 1)
    np.testing.assert_allclose(phi[1:], phi[1:][::-1], rtol=1e-12)
    bins = min(N // 2, 400)
    f = np.arange(bins) / N
    np.testing.assert_allclose(
        np.fft.fft(phi).real[:bins], np.exp(-0.5 * (f * width / 0.1) ** 2), atol=1e-5
    )
    np.testing.assert_allclose(
        _wavelets.low_pass_hat(width, N, bins), np.fft.fft(phi).real[:bins], atol=1e-12
    )


def test_opposite_spins_are_mirrors_and_ignore_constants():
    for kernel in _wavelets.row_kernels(_wavelets.Family(_wavelets.wavelets(4, 1), 4), 256):
        assert abs(kernel.sum()) < 1e-12
        assert np.isclose(np.abs(kernel).sum(), 1)
        np.testing.assert_allclose(kernel[1:], np.conj(kernel[1:][::-1]), atol=1e-15)


def test_filterbank_holds_bands_not_full_lengths():
    n = 2**15
    bank = jtfs_jax.filterbank(n, J=12, Q=12)
    tables = [group.psi_hat.size for group in bank.tables.groups1]
    assert sum(tables) < 0.12 * len(bank.wavelets1) * bank.n_padded
    assert all(group.psi_hat.dtype == jnp.float32 for group in bank.tables.groups1)
