"""Littlewood–Paley sums: the fraction of energy that the filters keep at each frequency."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from jtfs_jax import _checks, _sampling
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._parameters import known_wavelets
from jtfs_jax._paths import require_joint
from jtfs_jax._time_wavelets import WaveletGroup
from jtfs_jax._wavelets import Family, low_pass, row_kernels


@dataclass(frozen=True, eq=False)
class LittlewoodPaley:
    """Energy that filters keep at each frequency, as returned by `littlewood_paley`.

    Attributes:
        frequency: Frequencies from 0 to half a cycle per sample or row, in the requested unit.
        low_pass: Contribution of the low-pass filter, |φ̂|².
        wavelets: Contribution of all wavelets.
    """

    frequency: Float[np.ndarray, " frequency"]
    low_pass: Float[np.ndarray, " frequency"]
    wavelets: Float[np.ndarray, " frequency"]

    @property
    def total(self) -> Float[np.ndarray, " frequency"]:
        """The Littlewood–Paley sum."""
        return self.low_pass + self.wavelets


@dataclass(frozen=True, eq=False)
class JointLittlewoodPaley:
    """Energy that joint wavelets keep at each rate and scale, from `joint_littlewood_paley`.

    Attributes:
        time: Sums over the second-order filters; `time.frequency` contains rates.
        frequential: Sums over the frequential filters; `frequential.frequency` contains scales.
        frequential_of_average: The same for α = 0, where rows are real: one spin stands for both.
    """

    time: LittlewoodPaley
    frequential: LittlewoodPaley
    frequential_of_average: LittlewoodPaley

    @property
    def total(self) -> Float[np.ndarray, "scale rate"]:
        """The Littlewood–Paley sum in the plane; the same for positive and negative scales."""
        return np.outer(self.frequential_of_average.total, self.time.low_pass) + np.outer(
            self.frequential.total, self.time.wavelets
        )


def littlewood_paley(
    bank: FilterBank,
    filters: Literal["first", "second", "frequential"],
    *,
    sample_rate: float | None = None,
) -> LittlewoodPaley:
    """Littlewood–Paley sum of the filters of one order, or of the filters along log-frequency.

    The energy of a real signal x, after convolution with all filters, is

        ∫ A(f) |x̂(f)|² df     with A(f) = |φ̂(f)|² + ½ Σ (|ψ̂(f)|² + |ψ̂(−f)|²)

    where the ψ are the ψ_n1 for "first", and the ψ_n2 that have paths for "second". The low-pass
    filter is φ_T, or the filter of width 2**J for T=0 and T="global". Energy is conserved where
    A = 1 and lost where A = 0; the filters are a contraction if A ≤ 1 everywhere. For
    "frequential", with complex input, the sum is over both spins:

        A(f) = |φ̂(f)|² + Σ (|ψ̂_β(f)|² + |ψ̂_β(−f)|²)     with φ of width 2**J_fr

    Args:
        bank: Filters from `filterbank`; for "frequential", with `J_fr`. They cannot be traced by
            `jax.jit`, as the sum is computed in NumPy.
        filters: "first", "second" or "frequential".
        sample_rate: Sample rate in Hz. If None, frequencies are in cycles/sample. For
            "frequential", they are in cycles/octave, whatever the sample rate.

    Returns:
        The sum, and the contributions of the low-pass filter and the wavelets, at each Fourier bin.

    Raises:
        ValueError: If `filters` is none of these, if `filters` is "frequential" and `bank` has no
            frequential wavelets, or if `sample_rate` is not positive.

    Example:
        >>> import jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=8, Q=8)
        >>> lp = littlewood_paley(bank, "first", sample_rate=8000.0)
        >>> middle = lp.total[(lp.frequency > 200) & (lp.frequency < 3000)]
        >>> bool(middle.max() / middle.min() < 1.5)
        True

    See Also:
        joint_littlewood_paley: the sum in the plane of rates and scales.
    """
    fs = _checks.sample_rate(sample_rate)
    if filters == "first":
        return _over_time(bank, bank.tables.groups1, fs)
    if filters == "second":
        return _over_time(bank, bank.tables.groups2, fs)
    if filters == "frequential":
        return _over_rows(bank)
    raise ValueError(f'filters must be "first", "second" or "frequential", got {filters!r}.')


def joint_littlewood_paley(
    bank: FilterBank, *, sample_rate: float | None = None
) -> JointLittlewoodPaley:
    """Littlewood–Paley sum of the joint wavelets, in the plane of rates and scales.

    The energy of a real U1, after convolution with all joint filters ψ_α ψ_β, is ∫∫ A |Û1|², with

        A = |ψ̂_0(rate)|² (|φ̂(scale)|² + ½ Σ_β …) + ½ Σ_α … · (|φ̂(scale)|² + Σ_β …)

    where dots stand for sums over positive and negative frequencies, as in `littlewood_paley`.
    This is valid for rows on which every ψ_α acts, far from the first and the last row.

    Args:
        bank: Filters from `filterbank`, with `J_fr`. They cannot be traced by `jax.jit`.
        sample_rate: Sample rate in Hz. If None, rates are in cycles/sample.

    Returns:
        The sums along both axes; `total` is the sum in the plane.

    Raises:
        ValueError: If `bank` has no frequential wavelets, or `sample_rate` is not positive.

    Example:
        >>> import jtfs_jax
        >>> bank = jtfs_jax.filterbank(1024, J=6, Q=8, J_fr=3)
        >>> lp = joint_littlewood_paley(bank)
        >>> lp.total.shape == (len(lp.frequential.frequency), len(lp.time.frequency))
        True
    """
    return JointLittlewoodPaley(
        time=littlewood_paley(bank, "second", sample_rate=sample_rate),
        frequential=_over_rows(bank),
        frequential_of_average=_over_rows(bank, real=True),
    )


def _over_time(
    bank: FilterBank, groups: tuple[WaveletGroup, ...], sample_rate: float
) -> LittlewoodPaley:
    n = bank.n_padded
    psi = np.zeros(n)
    for group in groups:
        energy = np.square(np.asarray(group.psi_hat, float)).sum(0)
        psi[np.arange(group.first_bin, group.stop_bin) % n] += energy
    phi_hat = np.array(bank.tables.phi_hat, float)
    if len(phi_hat) == n // 2 + 1:
        phi_hat[-1] *= 2  # the table halves the Nyquist bin, which stands for two
    phi = np.zeros(n // 2 + 1)
    phi[: len(phi_hat)] = phi_hat**2
    return LittlewoodPaley(np.arange(n // 2 + 1) / n * sample_rate, phi, _both_sides(psi) / 2)


def _over_rows(bank: FilterBank, *, real: bool = False) -> LittlewoodPaley:
    phi_hat, psi_hats = frequential_responses(bank)
    n = len(phi_hat)
    low_pass_energy = np.square(phi_hat[: n // 2 + 1])
    psi_energy = _both_sides(np.square(psi_hats).sum(0))
    # In a tight frame, the two spins share the energy of complex rows.
    if real or bank.normalize == "energy":
        psi_energy = psi_energy / 2
    return LittlewoodPaley(np.arange(n // 2 + 1) / n * bank.Q[0], low_pass_energy, psi_energy)


def frequential_responses(
    bank: FilterBank,
) -> tuple[Float[np.ndarray, " bin"], Float[np.ndarray, "wavelet bin"]]:
    """Moduli of the transfer functions of β = 0 and of the wavelets of spin +1, at Fourier bins.

    There are more bins than in the transform itself, which gives smooth curves.
    """
    require_joint(bank)
    assert bank.J_fr is not None
    n_rows = len(bank.wavelets1)
    n = 8 * _sampling.padded_rows(n_rows, bank.J[0], bank.Q[0], bank.J_fr, bank.F)
    family = Family(known_wavelets(bank, "_fr"), bank.J_fr, tight=bank.normalize == "energy")
    low, *psi = np.abs(np.fft.fft([low_pass(2**bank.J_fr, n), *row_kernels(family, n)]))
    return low, np.stack(psi)


def _both_sides(energy: Float[np.ndarray, " bin"]) -> Float[np.ndarray, " frequency"]:
    """Sum of the energies at each frequency and its negative."""
    n = len(energy)
    frequency = np.arange(n // 2 + 1)
    return energy[frequency] + energy[-frequency % n]
