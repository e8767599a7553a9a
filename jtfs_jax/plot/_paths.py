"""Second-order coefficients path by path: one, one after the other, the energies of all."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from jtfs_jax import _checks
from jtfs_jax._coordinates import band_frequencies, frame_times, wavelet_frequencies
from jtfs_jax._extras import require
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._jtfs import JointScattering
from jtfs_jax._paths import PathTable, path_table
from jtfs_jax.analysis._energy import path_energies

from ._axes import (
    FALLING,
    LOW_PASS,
    RISING,
    current_axes,
    decibels,
    draw_levels,
    edges,
    frequency_unit,
    label_frequency,
    label_rate,
    label_time,
    legend_above,
    logarithmic,
    number,
)
from ._live_paths import live_paths, require_one_sound, signed_scales
from ._scale_rate import RANGE_DB, signed

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.container import BarContainer

_ENERGY_RANGE = 1e-6
_MAX_CHARACTERS = 28  # of labels side by side, in a column of a journal
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
    path: int,
    *,
    sample_rate: float | None = None,
    reference: float | None = None,
    ax: "Axes | None" = None,
) -> "QuadMesh":
    """Draw one path of S2 in decibels, on axes of time and log-frequency; its title says which.

    Args:
        bank: Filters from `filterbank`, with `J_fr`.
        S: Coefficients of one sound, from `jtfs`.
        path: Index of the path, as in `path_table`.
        sample_rate: Samples a second, in Hz. None: time in samples, frequency in cycles/sample.
        reference: Coefficient of 0 dB, the brightest color. None: the largest in the picture.
        ax: Where to draw. None: the current axes of pyplot.

    Returns:
        The mesh: bands from high to low frequency in rows, as many as first-order wavelets feed,
        and frames in columns.

    Raises:
        ValueError: If `S` is not that of one sound through `bank`, or there is no such path.

    See Also:
        scale_rate: all paths at once.
        animation: path after path.
    """
    table = path_table(bank, sample_rate=sample_rate)
    path = _checks.index("path", path, len(table))
    u = live_paths(bank, S)[path]
    times = frame_times(bank, sample_rate=sample_rate, n2=int(table.n2[path]))
    end = bank.n_samples / (sample_rate or 1)
    if bank.F == "global":
        y = edges(wavelet_frequencies(bank, sample_rate=sample_rate))[[0, -1]]
    else:
        n_fr = int(table.n_fr[path])
        y = edges(band_frequencies(bank, sample_rate=sample_rate, n_fr=n_fr)[: len(u)])
    x = np.concatenate([[0.0], (times[1:] + times[:-1]) / 2, [end]])
    ax = current_axes(ax)
    mesh = draw_levels(ax, x, y, decibels(u, reference), RANGE_DB)
    label_time(ax, sample_rate)
    label_frequency(ax, sample_rate)
    ax.set_title(path_name(table, path, sample_rate), fontsize="medium")
    return mesh


def path_name(table: PathTable, path: int, sample_rate: float | None) -> str:
    """Rate and signed scale of a path."""
    rate = f"{number(table.rate[path])} {frequency_unit(sample_rate)}"
    return f"{rate}, {signed(signed_scales(table)[path])} cycles/octave"


def animation(
    bank: FilterBank,
    S: JointScattering,
    *,
    paths: Sequence[int] | None = None,
    interval: float = 0.4,
    sample_rate: float | None = None,
    reference: float | None = None,
    ax: "Axes | None" = None,
) -> "FuncAnimation":
    """Animate S2: `path` after path, in the same colors and on the same axes.

    `animation.save("paths.gif", writer="pillow")` writes it, and in a notebook
    `IPython.display.HTML(animation.to_jshtml())` shows it. Keep it in a variable until then.

    Args:
        bank: Filters from `filterbank`, with `J_fr`.
        S: Coefficients of one sound, from `jtfs`.
        paths: Indices of the paths, as in `path_table`. None: all.
        interval: Time for which a path is seen, in seconds.
        sample_rate: Samples a second, in Hz. None: time in samples, frequency in cycles/sample.
        reference: Coefficient of 0 dB, the brightest color. None: the largest of these paths.
        ax: Where to draw; what was there goes. None: the current axes of pyplot.

    Returns:
        The animation, of as many frames as there are paths.

    Raises:
        ValueError: If `S` is not that of one sound through `bank`, if `paths` is empty or has
            an index that does not exist, or if `interval` is not a positive number.

    See Also:
        path: the picture of one path.
    """
    table = path_table(bank, sample_rate=sample_rate)
    live = live_paths(bank, S)
    seconds = _checks.positive_number("interval", interval)
    shown = range(len(table)) if paths is None else paths
    shown = [_checks.index("paths", index, len(table)) for index in shown]
    if not shown:
        raise ValueError("paths must have at least one index, got none; None stands for all.")
    if reference is None:
        reference = max(float(live[index].max()) for index in shown)
    canvas = current_axes(ax)
    limits = edges(wavelet_frequencies(bank, sample_rate=sample_rate))[[-1, 0]]

    def draw(index: int) -> "tuple[QuadMesh]":
        canvas.clear()
        options = {"sample_rate": sample_rate, "reference": reference, "ax": canvas}
        mesh = path(bank, S, index, **options)
        canvas.set_ylim(*limits)
        return (mesh,)

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
    """Draw the energy of each path, as a percentage of that of S2, in the order of `path_table`.

    Every other ψ_n2 has a shade behind its paths, and the labels are rates; colors tell the pairs
    of filters.

    Args:
        bank: Filters from `filterbank`, with `J_fr`.
        S: Coefficients of one sound, from `jtfs`.
        sample_rate: Samples a second, in Hz. None: rates are in cycles/sample.
        ax: Where to draw. None: the current axes of pyplot.

    Returns:
        The bars; the p-th, around p, is that of the p-th path.

    Raises:
        ValueError: If `S` is not that of one sound through `bank`.

    See Also:
        jtfs_jax.analysis.path_energies: the definition.
    """
    table = path_table(bank, sample_rate=sample_rate)
    require_one_sound(bank, S)
    energy = np.asarray(path_energies(bank, S), float)
    percent = 100 * energy / (energy.sum() or 1.0)
    ax = current_axes(ax)
    pairs = [_pair(table, index) for index in range(len(table))]
    colors = [_PAIRS[pair] for pair in pairs]
    bars = ax.bar(np.arange(len(table)), percent, width=0.9, color=colors, zorder=2)
    _mark_rates(ax, table)
    ax.set_xlim(-0.5, len(table) - 0.5)
    label_rate(ax, sample_rate)
    top = 2 * (percent.max() or 1.0)
    ax.set_ylim(_ENERGY_RANGE * top, top)
    logarithmic(ax, "y")
    ax.set_ylabel("energy (% of S2)")
    legend_above(ax, *zip(*((bars[pairs.index(p)], p) for p in _PAIRS if p in pairs), strict=True))
    return bars


def _pair(table: PathTable, index: int) -> str:
    if table.spin[index]:
        return "rising" if table.spin[index] > 0 else "falling"
    if table.n2[index] < 0:
        return "α = 0" if table.n_fr[index] else "both 0"
    return "β = 0"


def _mark_rates(ax: "Axes", table: PathTable) -> None:
    """A shade behind every other group of paths of one rate, and labels for some of them."""
    starts = np.flatnonzero(np.diff(table.n2, prepend=-2))
    stops = np.append(starts[1:], len(table))
    for start, stop in list(zip(starts, stops, strict=True))[::2]:
        ax.axvspan(start - 0.5, stop - 0.5, color="0.93", linewidth=0, zorder=0)
    labels = [number(rate) for rate in table.rate[starts]]
    every = math.ceil(sum(len(label) + 1 for label in labels) / _MAX_CHARACTERS)
    ax.set_xticks(((starts + stops - 1) / 2)[::every], labels[::every])
    ax.tick_params(axis="x", length=0)
