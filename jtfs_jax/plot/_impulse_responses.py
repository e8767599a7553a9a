"""Joint wavelets over time and log-frequency, sampled at any resolution for plots."""

import math

import numpy as np
from jaxtyping import Complex, Float

from jtfs_jax._filterbank import FilterBank
from jtfs_jax._paths import frequential_filter, time_filter
from jtfs_jax._wavelets import Wavelet, morlet


def in_time(
    bank: FilterBank, n2: int, t: Float[np.ndarray, " time"]
) -> Complex[np.ndarray, " time"]:
    """ψ_n2 of the filterbank, or the low-pass filter α = 0 for n2 = −1, at times `t` in samples."""
    if n2 < 0:
        sigma = time_filter(bank, -1)[1]
        return np.exp(-2 * (np.pi * sigma * t) ** 2).astype(complex)
    group = next(group for group in bank.tables.groups2 if n2 in group.members)
    psi_hat = np.asarray(group.psi_hat[n2 - group.n_first], float)
    bins = np.arange(group.first_bin, group.stop_bin)
    # Every step-th bin suffices for a response that is shorter than n_padded / step samples.
    step = 2 ** max(math.floor(math.log2(bank.n_padded / (4 * np.abs(t).max() + 1))), 0)
    kept = bins % step == 0
    waves = np.exp(2j * np.pi / bank.n_padded * t[:, None] * bins[kept])
    return waves @ psi_hat[kept] * step / bank.n_padded


def in_rows(
    bank: FilterBank, n_fr: int, rows: Float[np.ndarray, " row"]
) -> Complex[np.ndarray, " row"]:
    """ψ_β of a frequential filter, or the low-pass filter β = 0, at `rows` from its center."""
    xi, sigma, j_fr, spin = frequential_filter(bank, n_fr)
    if n_fr == 0:
        return np.exp(-2 * (np.pi * sigma * rows) ** 2).astype(complex)
    psi = morlet(Wavelet(xi, sigma, j_fr), rows)
    return psi if spin > 0 else psi.conj()


def reach_in_time(bank: FilterBank, n2: int, n_std: float) -> float:
    """`n_std` standard deviations of the envelope, in samples; at most half the signal."""
    sigma = time_filter(bank, n2)[1]
    half = bank.n_samples / 2
    return min(n_std / (2 * math.pi * sigma), half) if sigma else half


def reach_in_rows(bank: FilterBank, n_fr: int, n_std: float) -> float:
    """`n_std` standard deviations of the envelope, in rows."""
    return n_std / (2 * math.pi * frequential_filter(bank, n_fr)[1])
