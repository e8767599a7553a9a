"""Transfer functions of filterbanks and their Littlewood–Paley sums."""

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from jaxtyping import Float

from jtfs_jax._filterbank import FilterBank
from jtfs_jax.analysis._littlewood_paley import frequential_responses, littlewood_paley

from ._axes import (
    FALLING,
    LOW_PASS,
    RISING,
    current_axes,
    frequency_unit,
    legend_above,
    logarithmic,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

_WAVELET = "#3A94C9"  # between the two blues of Okabe & Ito, legible in thin lines
_N_POINTS = 512
_CROWD = 50  # number of filters from which lines are thinner


def filters(
    bank: FilterBank,
    filters: Literal["first", "second", "frequential"] = "first",
    *,
    sample_rate: float | None = None,
    ax: "Axes | None" = None,
) -> "list[Line2D]":
    """Draw the transfer functions of a set of filters and their Littlewood–Paley sum.

    The colored lines are amplitude gains; the black line is the Littlewood–Paley sum, the energy
    gain at each frequency.

    Args:
        bank: Filters from `filterbank`.
        filters: "first" for the ψ_n1, "second" for the ψ_n2 that have paths, both with φ_T (with
            the low-pass filter of width 2**J if T=0 or T="global"); "frequential" for the ψ_β of
            both spins and the low-pass filter β = 0.
        sample_rate: Sample rate in Hz. If None, frequencies are in cycles/sample. The "frequential"
            axis is always in cycles/octave.
        ax: Axes to draw on. None means the current axes of pyplot.

    Returns:
        The lines: moduli of the wavelets from high to low frequency (spin +1, then spin −1) and of
        the low-pass filter, then the sum.

    Raises:
        ValueError: If `filters` is none of these, if it is "frequential" but `bank` has no
            frequential wavelets, or if `sample_rate` is not positive.

    See Also:
        jtfs_jax.analysis.littlewood_paley: the sum.
    """
    total = littlewood_paley(bank, filters, sample_rate=sample_rate)
    of_rows = filters == "frequential"
    curves = _along_frequency(bank) if of_rows else _along_time(bank, filters, sample_rate or 1.0)
    ax = current_axes(ax)
    width = 0.8 if len(curves) < _CROWD else 0.4
    lines = []
    for curve in curves:
        every = -(-len(curve.f) // _N_POINTS)
        options = {"color": curve.color, "label": curve.label, "linewidth": width}
        lines += ax.plot(curve.f[::every], np.abs(curve.gain[::every]), **options)
    f, energy = total.frequency, total.total
    if of_rows:
        f, energy = np.concatenate([-f[:0:-1], f]), np.concatenate([energy[:0:-1], energy])
    lines += ax.plot(f, energy, color="black", linewidth=1.2, label="Littlewood–Paley")

    if of_rows:
        ax.set_xlim(f[0], f[-1])
        ax.set_xlabel("scale (cycles/octave)")
    else:
        # Keep the half-gain point of the low-pass filter and the peaks of all wavelets in view.
        peaks = [curve.f[curve.gain > curve.gain.max() / 2].max() for curve in curves]
        ax.set_xlim(min(peaks) / 2, f[-1])
        logarithmic(ax, "x")
        quantity = "frequency" if filters == "first" else "rate"
        ax.set_xlabel(f"{quantity} ({frequency_unit(sample_rate)})")
    ax.set_ylim(0, None)
    ax.set_ylabel("gain (sum: energy)")
    legend = {str(line.get_label()): line for line in lines}
    legend_above(ax, list(legend.values()), list(legend))
    return lines


class _Curve(NamedTuple):
    f: Float[np.ndarray, " bin"]
    gain: Float[np.ndarray, " bin"]
    label: str
    color: str


def _along_time(bank: FilterBank, filters: str, sample_rate: float) -> list[_Curve]:
    """Wavelets as stored in the filterbank, on the bins that they pass."""
    curves = {}
    for group in bank.tables.groups1 if filters == "first" else bank.tables.groups2:
        f = np.arange(group.first_bin, group.stop_bin) / bank.n_padded * sample_rate
        for n, gain in zip(group.members, np.asarray(group.psi_hat, float), strict=True):
            curves[n] = _Curve(f, gain, "wavelets", _WAVELET)
    phi_hat = np.asarray(bank.tables.phi_hat, float)
    f = np.arange(len(phi_hat)) / bank.n_padded * sample_rate
    return [*(curves[n] for n in sorted(curves)), _Curve(f, phi_hat, "low-pass", LOW_PASS)]


def _along_frequency(bank: FilterBank) -> list[_Curve]:
    phi_hat, psi_hats = frequential_responses(bank)
    order = np.fft.fftfreq(len(phi_hat)).argsort()
    f = np.fft.fftfreq(len(phi_hat))[order] * bank.Q[0]
    rising = [_Curve(f, psi_hat[order], "rising", RISING) for psi_hat in psi_hats]
    falling = [_Curve(-f, psi_hat[order], "falling", FALLING) for psi_hat in psi_hats]
    return [*rising, *falling, _Curve(f, phi_hat[order], "low-pass", LOW_PASS)]
