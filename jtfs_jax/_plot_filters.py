"""Transfer functions of the filterbanks, and their Littlewood–Paley sums."""

from typing import TYPE_CHECKING, Literal

import numpy as np

from ._filterbank import FilterBank
from ._paths import require_joint
from ._plot_axes import (
    FALLING,
    LOW_PASS,
    RISING,
    current_axes,
    frequency_unit,
    legend_above,
    logarithmic,
)
from ._transfer_functions import (
    TransferFunction,
    frequential_filters,
    littlewood_paley,
    time_filters,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

_WAVELET = "#56B4E9"  # sky blue, of Okabe & Ito
_N_POINTS = 512
_CROWD = 50  # filters whose lines had better be thin


def filterbank(
    bank: FilterBank,
    order: Literal[1, 2, "fr"] = 1,
    *,
    sample_rate: float | None = None,
    ax: "Axes | None" = None,
) -> "list[Line2D]":
    """Draw the transfer functions of a filterbank, and their Littlewood–Paley sum.

    The sum is the gain in energy, of real signals over time and of complex ones along frequency:

        orders 1 and 2   |φ̂_T(f)|² + ½ Σₙ |ψ̂ₙ(f)|² + |ψ̂ₙ(−f)|²
        "fr"             |φ̂(f)|² + Σ_β |ψ̂_β(f)|² + |ψ̂_β(−f)|²     φ the low-pass β = 0

    Args:
        bank: Filters from `filterbank`.
        order: Of which order are the wavelets, or "fr" for those along log-frequency.
        sample_rate: Samples a second, in Hz. None: frequencies are in cycles/sample. Those along
            log-frequency are always in cycles/octave.
        ax: Where to draw. None: the current axes of pyplot.

    Returns:
        The moduli of the wavelets, from high to low frequency, and those of spin −1 after those of
        spin +1; then the low-pass, and the sum.

    Raises:
        ValueError: If `order` is none of these, or `bank` has no frequential wavelets for "fr".
    """
    if order not in (1, 2, "fr"):
        raise ValueError(f'order must be 1, 2 or "fr", got {order!r}.')
    if order == "fr":
        require_joint(bank)
    filters = frequential_filters(bank) if order == "fr" else time_filters(bank, order)
    unit = bank.Q[0] if order == "fr" else (sample_rate or 1)
    ax = current_axes(ax)
    lines = []
    for filter_ in filters:
        label, color = _label(filter_)
        every = -(-len(filter_.values) // _N_POINTS)
        lines += ax.plot(
            filter_.f[::every] * unit,
            np.abs(filter_.values[::every]),
            color=color,
            linewidth=0.8 if len(filters) < _CROWD else 0.4,
            label=label,
        )
    f, total = littlewood_paley(filters)
    lines += ax.plot(f * unit, total, color="black", linewidth=1.2, label="Littlewood–Paley")

    if order == "fr":
        ax.set_xlim(-unit / 2, unit / 2)
        ax.set_xlabel("frequency (cycles/octave)")
    else:
        ax.set_xlim(_lowest(filters) * unit, unit / 2)
        logarithmic(ax, "x")
        ax.set_xlabel(f"frequency ({frequency_unit(sample_rate)})")
    ax.set_ylim(0, None)
    ax.set_ylabel("gain")
    legend = {str(line.get_label()): line for line in lines}
    legend_above(ax, list(legend.values()), list(legend))
    return lines


def _lowest(filters: list[TransferFunction]) -> float:
    """A frequency from which the slowest wavelet and the low-pass can be seen."""
    slowest = min(filter_.xi for filter_ in filters if filter_.xi)
    cutoffs = [f.f[np.abs(f.values) > 0.5].max() for f in filters if not f.xi]
    return min([slowest, *cutoffs]) / 2


def _label(filter_: TransferFunction) -> tuple[str, str]:
    if filter_.spin:
        return ("rising", RISING) if filter_.spin > 0 else ("falling", FALLING)
    return ("wavelets", _WAVELET) if filter_.xi else ("low-pass", LOW_PASS)
