"""Plots of joint wavelets over time and log-frequency: a single wavelet or a gallery."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from jtfs_jax import _checks
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._path_tables import describe_path, path_table
from jtfs_jax._paths import n_frequential, with_spin

from ._axes import (
    SIGNED,
    current_axes,
    label_cells,
    label_rate,
    label_scale,
    label_time,
    number,
)
from ._impulse_responses import in_rows, in_time, reach_in_rows, reach_in_time
from ._live_paths import require_wavelets, signed_scales
from ._scale_rate import signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

_REACH = 2.6  # standard deviations of the envelopes that a plot shows on either side
_CELL_REACH = 2.0  # the same for the largest wavelet of the gallery in its cell
_N_PIXELS = 193  # per side; odd, so that the center is a pixel


def joint_wavelet(
    bank: FilterBank,
    index: int,
    *,
    sample_rate: float | None = None,
    ax: "Axes | None" = None,
) -> "AxesImage":
    """Draw the real part of a joint wavelet over time and log-frequency.

        Ψ(t, n1) = ψ_α(t) ψ_β(n1),   drawn at (t, −n1 / Q1), in units of its largest modulus

    ψ_β is the Morlet wavelet, before normalize="energy" turns the wavelets into a tight frame. The
    title describes the path.

    Args:
        bank: Filters from `filterbank`, with `J_fr`.
        index: Index of the wavelet's path in `path_table`.
        sample_rate: Sample rate in Hz. If None, time is in samples.
        ax: Axes to draw on. None means the current axes of pyplot.

    Returns:
        The image, from low to high frequency and from early to late.

    Raises:
        ValueError: If `bank` has no frequential wavelets, or if there is no such path.

    References:
        Lostanlen & Han, Musical Metamerism with Time–Frequency Scattering, 2024, Figure 1.

    See Also:
        gallery: several joint wavelets.
    """
    table = path_table(bank, sample_rate=sample_rate)
    index = _checks.index("index", index, len(table))
    n2, n_fr = int(table.n2[index]), int(table.n_fr[index])
    width, height = reach_in_time(bank, n2, _REACH), reach_in_rows(bank, n_fr, _REACH)
    ax = current_axes(ax)
    right, top = width / (sample_rate or 1), height / bank.Q[0]
    image = _draw(ax, _real_part(bank, n2, n_fr, width, height), (-right, right, -top, top))
    label_time(ax, sample_rate)
    ax.set_ylabel("log-frequency (octaves)")
    ax.set_title(describe_path(bank, index, sample_rate=sample_rate), fontsize="medium")
    return image


def gallery(
    bank: FilterBank,
    *,
    n2: Sequence[int] | None = None,
    n_fr: Sequence[int] | None = None,
    sample_rate: float | None = None,
    ax: "Axes | None" = None,
) -> "AxesImage":
    """Draw a grid of joint wavelets (real parts), with rates in columns and scales in rows.

    All cells span the same time and the same number of octaves, which the title states.

    Args:
        bank: Filters from `filterbank`, with `J_fr`.
        n2: Indices of wavelets ψ_n2, as in `path_table`. None means the four slowest.
        n_fr: Indices of frequential filters. None means the three coarsest wavelets of spin +1
            (above), the low-pass filter β = 0, and the three coarsest wavelets of spin −1 (below).
        sample_rate: Sample rate in Hz. If None, rates are in cycles/sample.
        ax: Axes to draw on. None means the current axes of pyplot.

    Returns:
        The image.

    Raises:
        ValueError: If `bank` has no frequential wavelets, or if `n2` or `n_fr` is empty or has an
            index that does not exist.

    References:
        Lostanlen & Han, Musical Metamerism with Time–Frequency Scattering, 2024, Figure 1.

    See Also:
        joint_wavelet: a single wavelet.
    """
    table = path_table(bank, sample_rate=sample_rate)
    require_wavelets(table)
    live = range(min(table.n2[table.n2 >= 0]), max(table.n2) + 1)
    if n2 is None:
        n2 = live[-4:]
    if n_fr is None:
        n_fr = [0, *with_spin(bank, 1)[-3:], *with_spin(bank, -1)[-3:]]
    n2 = _among("n2", n2, live)
    n_fr = _among("n_fr", n_fr, range(n_frequential(bank)))
    rates = np.array([table.rate[table.n2 == index][0] for index in n2])
    scales = np.array([signed_scales(table)[table.n_fr == index][-1] for index in n_fr])
    columns, rows = np.argsort(rates), np.argsort(scales)

    width = max(reach_in_time(bank, index, _CELL_REACH) for index in n2)
    height = max(reach_in_rows(bank, index, _CELL_REACH) for index in n_fr)
    cells = [[_real_part(bank, n2[c], n_fr[r], width, height) for c in columns] for r in rows]
    ax = current_axes(ax)
    image = _draw(ax, np.block(cells), (0, len(n2), 0, len(n_fr)))
    label_cells(ax, "x", np.arange(len(n2)) + 0.5, [number(rate) for rate in rates[columns]])
    label_cells(ax, "y", np.arange(len(n_fr)) + 0.5, [signed(scale) for scale in scales[rows]])
    for x in range(1, len(n2)):
        ax.axvline(x, color="0.5", linewidth=0.5)
    for y in range(1, len(n_fr)):
        ax.axhline(y, color="0.5", linewidth=0.5)
    label_rate(ax, sample_rate)
    label_scale(ax)
    duration = number(2 * width / (sample_rate or 1)) + (
        " samples" if sample_rate is None else " s"
    )
    octaves = number(2 * height / bank.Q[0])
    ax.set_title(f"each cell: {duration} by {octaves} octaves", fontsize="medium")
    return image


def _among(name: str, indices: Sequence[int], allowed: range) -> list[int]:
    """The indices as integers; raises if there are none, or if one is not allowed."""
    if len(indices) == 0 or not all(index in allowed for index in indices):
        raise ValueError(
            f"{name} must have indices between {allowed[0]} and {allowed[-1]}, at least one, got "
            f"{list(indices)!r}."
        )
    return [int(index) for index in indices]


def _real_part(
    bank: FilterBank, n2: int, n_fr: int, width: float, height: float
) -> Float[np.ndarray, "row column"]:
    """Wavelet within ±`width` samples and ±`height` rows, from low to high frequency."""
    grid = np.linspace(-1 + 1 / _N_PIXELS, 1 - 1 / _N_PIXELS, _N_PIXELS)
    psi_t, psi_fr = in_time(bank, n2, width * grid), in_rows(bank, n_fr, -height * grid)
    psi = psi_fr[:, None] * psi_t
    return np.real(psi) / np.abs(psi).max()


def _draw(
    ax: "Axes", values: Float[np.ndarray, "row column"], extent: tuple[float, float, float, float]
) -> "AxesImage":
    image = ax.imshow(
        values, cmap=SIGNED, vmin=-1, vmax=1, extent=extent, origin="lower", aspect="auto"
    )
    image.set_label("real part (re peak)")
    return image
