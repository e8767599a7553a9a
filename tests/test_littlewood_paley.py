"""Littlewood–Paley sums against a second implementation of the filters."""

import numpy as np
import pytest
import reference_filters

import jtfs_jax
from jtfs_jax.analysis import joint_littlewood_paley, littlewood_paley


@pytest.fixture(scope="module")
def bank():
    return jtfs_jax.filterbank(600, J=(7, 6), Q=(6, 2), J_fr=3, Q_fr=2, T=2**5, F=4)


def brute_force(psi_hats):
    """Σ |ψ̂(f)|² + |ψ̂(−f)|² on bins of non-negative frequency."""
    energy = (np.abs(psi_hats) ** 2).sum(0)
    n = len(energy)
    return np.array([energy[k] + energy[-k % n] for k in range(n // 2 + 1)])


@pytest.mark.parametrize("sample_rate", [None, 8000.0])
def test_sums_over_time(bank, sample_rate):
    n = bank.n_padded
    phi = np.abs(reference_filters.gaussian(n, 2**5)[: n // 2 + 1]) ** 2
    first = [reference_filters.morlet(n, *psi) for psi in reference_filters.centers(7, 6)]
    second = [reference_filters.morlet(n, *psi) for psi in reference_filters.centers(6, 2)]
    # Without the ψ_n2 that are too short for any first-order wavelet.
    n_first = int(jtfs_jax.path_table(bank).n2[jtfs_jax.path_table(bank).n2 >= 0].min())
    sums = [
        (littlewood_paley(bank, "first", sample_rate=sample_rate), first),
        (littlewood_paley(bank, "second", sample_rate=sample_rate), second[n_first:]),
    ]
    for found, psi_hats in sums:
        np.testing.assert_allclose(found.frequency, np.arange(n // 2 + 1) / n * (sample_rate or 1))
        np.testing.assert_allclose(found.low_pass, phi, atol=1e-6)
        np.testing.assert_allclose(found.wavelets, brute_force(psi_hats) / 2, atol=1e-6)
        np.testing.assert_allclose(found.total, phi + brute_force(psi_hats) / 2, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sum_of_the_longest_filters_counts_the_nyquist_bin_once(dtype, x64):
    bank = jtfs_jax.filterbank(64, J=3, Q=2, T=1, dtype=dtype)
    found = littlewood_paley(bank, "first").low_pass
    expected = np.abs(reference_filters.gaussian(bank.n_padded, 1)[: bank.n_padded // 2 + 1]) ** 2
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_sums_along_log_frequency(bank):
    found = littlewood_paley(bank, "frequential")
    n = 2 * (len(found.frequency) - 1)
    psi_hats = [reference_filters.morlet(n, *psi) for psi in reference_filters.centers(3, 2)]
    phi = np.abs(reference_filters.gaussian(n, 2**3)[: n // 2 + 1]) ** 2
    np.testing.assert_allclose(found.frequency, np.arange(n // 2 + 1) / n * 6)
    np.testing.assert_allclose(found.low_pass, phi, atol=1e-6)
    np.testing.assert_allclose(found.wavelets, brute_force(psi_hats), atol=1e-6)


def test_joint_sums(bank):
    """One term per path, at points in the plane of rates and scales."""
    joint = joint_littlewood_paley(bank)
    n = bank.n_padded
    n_fr = 2 * (len(joint.frequential.frequency) - 1)
    table = jtfs_jax.path_table(bank)
    second = [reference_filters.morlet(n, *psi) for psi in reference_filters.centers(6, 2)]
    third = [reference_filters.morlet(n_fr, *psi) for psi in reference_filters.centers(3, 2)]
    phi, phi_fr = reference_filters.gaussian(n, 2**5), reference_filters.gaussian(n_fr, 2**3)
    for rate, scale in [(0, 0), (3, 0), (40, 7), (n // 9, n_fr // 4), (n // 5, n_fr // 8)]:
        total = 0.0
        for n2, n_beta in zip(table.n2, table.n_fr, strict=True):
            psi = phi if n2 < 0 else second[n2]
            # Spin −1 is the mirror of spin +1.
            index, side = (n_beta - 1) % len(third), 1 if n_beta <= len(third) else -1
            psi_fr = phi_fr if n_beta == 0 else third[index]
            for sign in (1, -1):
                total += 0.5 * abs(psi[sign * rate] * psi_fr[sign * side * scale]) ** 2
        assert abs(joint.total[scale, rate] - total) < 1e-6


def test_errors(bank):
    with pytest.raises(ValueError, match="filters must be"):
        littlewood_paley(bank, "third")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="J_fr"):
        joint_littlewood_paley(jtfs_jax.filterbank(64, J=3, Q=2))
    with pytest.raises(ValueError, match="sample_rate"):
        littlewood_paley(bank, "first", sample_rate=0.0)
