"""Second-order coefficients by rate and scale."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from jtfs_jax import _checks
from jtfs_jax._coefficients import JointScattering, stacked
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._path_tables import path_table

from ._axes import (
    current_axes,
    draw_levels,
    edges,
    label_cells,
    label_rate,
    label_scale,
    number,
)
from ._live_paths import live_paths, require_wavelets, signed_scales

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh

RANGE_DB = 40


def scale_rate(
    bank: FilterBank,
    S: JointScattering,
    *,
    band: int | None = None,
    frame: int | None = None,
    sample_rate: float | None = None,
    reference: float | None = None,
    ax: "Axes | None" = None,
) -> "QuadMesh":
    """Draw S2 in decibels by rate and scale, rising paths above falling paths.

    Paths with α = 0 have no rate and are omitted.

    Args:
        bank: Filters from `filterbank`, with `J_fr`.
        S: Coefficients of one sound, from `jtfs`.
        band: Index of a band. None means the mean over the bands fed by first-order wavelets.
        frame: Index of a frame. None means the mean over all frames.
        sample_rate: Sample rate in Hz. If None, rates are in cycles/sample.
        reference: Coefficient at 0 dB, the brightest color. None means the maximum of the plot.
        ax: Axes to draw on. None means the current axes of pyplot.

    Returns:
        The mesh: scales in rows and rates in columns, both from low to high.

    Raises:
        ValueError: If `S` was not computed with `bank` from one sound, if there is no such band or
            frame, or if `band` or `frame` is given although bands or frames differ between paths
            (T=0 or F=0).

    References:
        Muradeli et al., Differentiable Time–Frequency Scattering on GPU, 2022, Figure 1.

    See Also:
        path: the bands and frames of one cell.
    """
    table = path_table(bank, sample_rate=sample_rate)
    require_wavelets(table)
    paths = live_paths(bank, S)
    if bank.paths_share_shape:
        _, n_bands, n_frames = stacked(S.S2).shape
        band = None if band is None else _checks.index("band", band, n_bands)
        frame = None if frame is None else _checks.index("frame", frame, n_frames)
    elif (band, frame) != (None, None):
        raise ValueError(
            f"band and frame must be None if T=0 or F=0, as each path then has its own, got "
            f"{band!r} and {frame!r}; leave them out, or average in time and frequency."
        )
    chosen = table.n2 >= 0
    rates, column = np.unique(table.rate[chosen], return_inverse=True)
    scales, row = np.unique(signed_scales(table)[chosen], return_inverse=True)
    grid = np.zeros((len(scales), len(rates)))
    grid[row, column] = np.array([_mean(u, band, frame) for u in paths])[chosen]

    ax = current_axes(ax)
    positive = edges(scales[scales > 0])
    borders = np.concatenate([-positive[::-1], positive])
    mesh = draw_levels(ax, edges(rates), borders, grid, RANGE_DB, reference)
    ax.set_xscale("log")
    label_cells(ax, "x", rates, [number(rate) for rate in rates])
    label_rate(ax, sample_rate)
    signed_axis(ax, scales, float(positive[0]))
    return mesh


def _mean(u: Float[np.ndarray, "band frame"], band: int | None, frame: int | None) -> float:
    """Mean over bands and frames, unless one is chosen; 0 for a band that no wavelet feeds."""
    if band is not None:
        u = u[band : band + 1]
    if frame is not None:
        u = u[:, frame : frame + 1]
    return float(u.mean()) if u.size else 0.0


def signed_axis(
    ax: "Axes", scales: Float[np.ndarray, " scale"], border: float, *, middle: float = 1.0
) -> None:
    """Format the y-axis for signed scales, logarithmic on both sides of a cell in the middle.

    `middle` is the height of this cell relative to the others: 1 for the scale 0, less for a gap.
    """
    positive = scales[scales > 0]
    step = np.log2(positive[-1] / positive[0]) / (len(positive) - 1) if len(positive) > 1 else 1.0
    # In base 2, each half of symlog's linear part is 2 · `linscale` octaves high.
    ax.set_yscale("symlog", base=2, linthresh=border, linscale=middle * step / 4)
    ax.set_ylim(-border * 2 ** (step * len(positive)), border * 2 ** (step * len(positive)))
    label_cells(ax, "y", scales, [signed(scale) for scale in scales], keep=len(scales) // 2)
    ax.axhline(-border, color="white", linewidth=0.5)
    ax.axhline(border, color="white", linewidth=0.5)
    label_scale(ax)


def signed(scale: float) -> str:
    """A scale with its sign, to two digits."""
    return f"{scale:+.2g}".replace("-", "−") if scale else "0"
