"""Plots of second-order paths: a single path, an animation, and the energies of all paths."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from jtfs_jax import _checks
from jtfs_jax._coefficients import JointScattering
from jtfs_jax._coordinates import band_frequencies, frame_times, wavelet_frequencies
from jtfs_jax._extras import require
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._path_tables import PathTable, describe_path, path_table
from jtfs_jax._paths import live_rows
from jtfs_jax.analysis._energy import path_energies

from ._axes import (
    FALLING,
    LOW_PASS,
    RISING,
    current_axes,
    draw_levels,
    edges,
    frequency_axis,
    label_cells,
    label_rate,
    label_time,
    largest,
    legend_above,
    logarithmic,
    number,
    write_in,
)
from ._live_paths import live_paths, require_one_sound, signed_scales
from ._scale_rate import RANGE_DB

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.container import BarContainer

_ENERGY_RANGE = 1e-6
_PAIRS = {
    "rising": RISING,
    "falling": FALLING,
    "β = 0": LOW_PASS,
    "α = 0": "#009E73",
    "both 0": "black",
}


def path(
    bank: FilterBank,
    S: JointScattering,
    index: int,
    *,
    sample_rate: float | None = None,
    reference: float | None = None,
    ax: "Axes | None" = None,
) -> "QuadMesh":
    """Draw one path of S2 in decibels over time and log-frequency, with a descriptive title.

    The axes match `scalogram`; frequencies at which no first-order wavelet feeds the path are left
    blank.

    Args:
        bank: Filters from `filterbank`, with `J_fr`.
        S: Coefficients of one sound, from `jtfs`.
        index: Index of the path in `path_table`.
        sample_rate: Sample rate in Hz. If None, time is in samples and frequency in cycles/sample.
        reference: Coefficient at 0 dB, the brightest color. None means the maximum of the plot.
        ax: Axes to draw on. None means the current axes of pyplot.

    Returns:
        The mesh: the bands fed by first-order wavelets in rows, from high to low frequency, and
        frames in columns.

    Raises:
        ValueError: If `S` was not computed with `bank` from one sound, if there is no such path,
            or if `reference` is not positive.

    See Also:
        scale_rate: all paths at once.
        animation: all paths in turn.
    """
    table = path_table(bank, sample_rate=sample_rate)
    index = _checks.index("index", index, len(table))
    u = live_paths(bank, S)[index]
    n2, n_fr = int(table.n2[index]), int(table.n_fr[index])
    times = frame_times(bank, sample_rate=sample_rate, n2=n2)
    bands = band_frequencies(bank, sample_rate=sample_rate, n_fr=n_fr)[: len(u)]
    # Borders are halfway between centers; the outer borders are the ends of the signal and of the
    # range of wavelets that feed the path.
    x = np.concatenate([[0.0], (times[1:] + times[:-1]) / 2, [bank.n_samples / (sample_rate or 1)]])
    high, low = edges(wavelet_frequencies(bank, sample_rate=sample_rate))[[0, live_rows(bank)[n2]]]
    y = np.concatenate([[high], np.sqrt(bands[1:] * bands[:-1]), [low]])
    ax = current_axes(ax)
    mesh = draw_levels(ax, x, y, u, RANGE_DB, reference)
    label_time(ax, sample_rate)
    frequency_axis(ax, bank, sample_rate)
    ax.set_title(describe_path(bank, index, sample_rate=sample_rate), fontsize="medium")
    return mesh


def animation(
    bank: FilterBank,
    S: JointScattering,
    *,
    indices: Sequence[int] | None = None,
    interval: float = 0.4,
    sample_rate: float | None = None,
    reference: float | None = None,
    ax: "Axes | None" = None,
) -> "FuncAnimation":
    """Animate S2: draw one `path` after another, on the same axes and color scale.

    Save the animation with `animation.save("paths.gif", writer="pillow")`, or show it in a notebook
    with `IPython.display.HTML(animation.to_jshtml())`. Keep it in a variable until then.

    Args:
        bank: Filters from `filterbank`, with `J_fr`.
        S: Coefficients of one sound, from `jtfs`.
        indices: Indices of the paths in `path_table`. None means all paths.
        interval: Display time of each path, in seconds.
        sample_rate: Sample rate in Hz. If None, time is in samples and frequency in cycles/sample.
        reference: Coefficient at 0 dB, the brightest color. None means the maximum of these paths.
        ax: Axes to draw on, which are cleared first. None means the current axes of pyplot.

    Returns:
        The animation, with one frame per path.

    Raises:
        ValueError: If `S` was not computed with `bank` from one sound, if `indices` is empty or
            has an index that does not exist, or if `interval` is not a positive number.

    See Also:
        path: the plot of one path.
    """
    table = path_table(bank, sample_rate=sample_rate)
    live = live_paths(bank, S)
    seconds = _checks.positive_number("interval", interval)
    shown = range(len(table)) if indices is None else indices
    shown = [_checks.index("indices", index, len(table)) for index in shown]
    if not shown:
        raise ValueError("indices must have at least one index, got none; pass None for all.")
    if reference is None:
        reference = largest(*(live[index] for index in shown)) or None
    canvas = current_axes(ax)

    def draw(index: int) -> "tuple[QuadMesh]":
        canvas.clear()
        options = {"sample_rate": sample_rate, "reference": reference, "ax": canvas}
        return (path(bank, S, index, **options),)

    function = require("matplotlib.animation", "plot").FuncAnimation
    return function(
        canvas.figure, draw, frames=shown, init_func=lambda: (), interval=1000 * seconds
    )


def energy_profile(
    bank: FilterBank,
    S: JointScattering,
    *,
    sample_rate: float | None = None,
    ax: "Axes | None" = None,
) -> "BarContainer":
    """Draw the energy of each path, as a percentage of the energy of S2, by rate and scale.

    Rates increase from left to right, as in `scale_rate`, and every other rate is shaded. Within a
    rate, scales run from fine falling ones through β = 0, where all bands move together, to fine
    rising ones. The paths with α = 0, where nothing moves in time, are on the far left.

    Args:
        bank: Filters from `filterbank`, with `J_fr`.
        S: Coefficients of one sound, from `jtfs`.
        sample_rate: Sample rate in Hz. If None, rates are in cycles/sample.
        ax: Axes to draw on. None means the current axes of pyplot.

    Returns:
        The bars, in the order of `path_table`.

    Raises:
        ValueError: If `S` was not computed with `bank` from one sound.

    See Also:
        jtfs_jax.analysis.path_energies: the definition.
    """
    table = path_table(bank, sample_rate=sample_rate)
    require_one_sound(bank, S)
    energy = np.asarray(path_energies(bank, S), float)
    total = energy.sum()
    percent = 100 * energy / total if 0 < total < np.inf else np.zeros_like(energy)
    ax = current_axes(ax)
    order = np.lexsort((signed_scales(table), table.rate))
    pairs = [_pair(table, index) for index in range(len(table))]
    colors = [_PAIRS[pair] for pair in pairs]
    bars = ax.bar(np.argsort(order), percent, width=1.0, color=colors, linewidth=0, zorder=2)
    ax.set_xlim(-0.5, len(table) - 0.5)
    _mark_rates(ax, table.rate[order])
    label_rate(ax, sample_rate)
    top = 2 * (percent.max() or 50.0)
    ax.set_ylim(_ENERGY_RANGE * top, top)
    logarithmic(ax, "y")
    ax.set_ylabel("energy (% of S2)")
    if not percent.any():
        write_in(ax, "no energy" if total == 0 else "energy: NaN or infinite")
    legend_above(ax, *zip(*((bars[pairs.index(p)], p) for p in _PAIRS if p in pairs), strict=True))
    return bars


def _pair(table: PathTable, index: int) -> str:
    if table.spin[index]:
        return "rising" if table.spin[index] > 0 else "falling"
    if table.n2[index] < 0:
        return "α = 0" if table.n_fr[index] else "both 0"
    return "β = 0"


def _mark_rates(ax: "Axes", rates: Float[np.ndarray, " path"]) -> None:
    """Shade every other group of paths with the same rate, and label all groups."""
    starts = np.flatnonzero(np.diff(rates, prepend=-1.0))
    stops = np.append(starts[1:], len(rates))
    for start, stop in list(zip(starts, stops, strict=True))[::2]:
        ax.axvspan(start - 0.5, stop - 0.5, color="0.93", linewidth=0, zorder=0)
    label_cells(ax, "x", (starts + stops - 1) / 2, [number(rate) for rate in rates[starts]])
