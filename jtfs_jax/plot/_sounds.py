"""Plots of scalograms and metamers."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from jtfs_jax._coordinates import wavelet_frequencies
from jtfs_jax._extras import require
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._first_order import scalogram as _scalogram
from jtfs_jax._stream import stream

from ._axes import (
    LOW_PASS,
    colorbar,
    current_axes,
    draw_levels,
    edges,
    frequency_axis,
    label_time,
    largest,
    level_label,
    logarithmic,
    number,
    write_title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

_RANGE_DB = 60
_MAX_COLUMNS = 1000
_COLORS = ("#0072B2", "#D55E00", "black", "#CC79A7", "#009E73", "#56B4E9", "#E69F00")
_STYLES = ("-", "--", "-.", ":")


def scalogram(
    bank: FilterBank,
    x: Float[np.ndarray, "*channel time"],
    *,
    sample_rate: float | None = None,
    reference: float | None = None,
    ax: "Axes | None" = None,
) -> "QuadMesh":
    """Draw the scalogram of a sound in decibels over time and log-frequency.

    If frequencies are in Hz and most wavelets are above 20 Hz, the frequency axis starts at 20 Hz;
    `ax.set_ylim` shows the rows below.

    Args:
        bank: Filters from `filterbank`.
        x: One sound of any length, processed in segments unless it has `bank.n_samples` samples:
            see `segmented`. The powers of several channels are averaged.
        sample_rate: Sample rate in Hz. If None, time is in samples and frequency in cycles/sample.
        reference: Magnitude at 0 dB, the brightest color. None means the maximum of the plot.
        ax: Axes to draw on. None means the current axes of pyplot.

    Returns:
        The mesh, with 0 dB in the brightest color. `colorbar(mesh)` adds a color bar.
    """
    return _draw(current_axes(ax), bank, *_columns(bank, x), sample_rate, reference)


def convergence(
    errors: Float[np.ndarray, "step count"], *, ax: "Axes | None" = None
) -> "list[Line2D]":
    """Draw the errors of a resynthesis, one line per metamer.

    Up to seven metamers each have a color and a line style; if there are more, the metamer with
    the smallest final error is black, and the others are gray. Several metamers have a legend. The
    axis is logarithmic unless all errors are similar.

    Args:
        errors: Relative errors, as in `Resynthesis.error`; row 0 is the starting point.
        ax: Axes to draw on. None means the current axes of pyplot.

    Returns:
        The lines.

    Raises:
        ValueError: If `errors` has no row or no column.
    """
    errors = _checked(errors)
    ax = current_axes(ax)
    lines = ax.plot(np.arange(len(errors)), 100 * errors)
    count = len(lines)
    best = _best(errors)
    for k, line in enumerate(lines):
        if count <= len(_COLORS):
            line.set(
                color=_COLORS[k], linestyle=_STYLES[k % len(_STYLES)], label=f"metamer {k + 1}"
            )
        else:
            line.set(color=LOW_PASS, linewidth=0.8, label=f"{count - 1} others")
    if count > len(_COLORS):
        lines[best].set(color="black", linewidth=1.5, label=f"metamer {best + 1}", zorder=3)
    if count > 1:
        named = {str(line.get_label()): line for line in lines}
        ax.legend(list(named.values()), list(named), loc="upper right", fontsize="small")
    positive = errors[np.isfinite(errors) & (errors > 0)]
    if positive.size and positive.max() > 3 * positive.min():
        ax.set_ylim(80 * positive.min(), 125 * positive.max())
        logarithmic(ax, "y")
    ax.set_xlim(0, max(len(errors) - 1, 1))
    ax.set_xlabel("step")
    ax.set_ylabel("error (%)")
    ax.grid(visible=True, which="both", alpha=0.3)
    return lines


def metamer(
    bank: FilterBank,
    x: Float[np.ndarray, "*channel time"],
    y: Float[np.ndarray, "*channel time"],
    errors: Float[np.ndarray, "step count"],
    *,
    sample_rate: float | None = None,
    title: str | None = None,
) -> "Figure":
    """Plot the scalograms of a target and its metamer on one color scale, and the errors.

    Args:
        bank: Filters from `filterbank`.
        x: The target, as for `scalogram`.
        y: Its metamer, of the same length; if there are several, the metamer with the smallest
            final error.
        errors: As for `convergence`.
        sample_rate: As for `scalogram`.
        title: Name of the recording. None means no title.

    Returns:
        A figure that is not managed by pyplot; save it with `figure.savefig("metamer.png")`.

    Raises:
        ValueError: If `errors` has no row or no column, or `x` and `y` differ in length.
    """
    errors = _checked(errors)
    if np.shape(x)[-1:] != np.shape(y)[-1:]:
        raise ValueError(
            f"x and y must have the same number of samples, got {np.shape(x)} and {np.shape(y)}; "
            f"cut one of them."
        )
    figure = require("matplotlib.figure", "plot").Figure(figsize=(8, 9), layout="constrained")
    grid = figure.add_gridspec(3, 1, height_ratios=[3, 3, 2])
    top = figure.add_subplot(grid[0])
    middle = figure.add_subplot(grid[1], sharex=top, sharey=top)
    target, times = _columns(bank, x)
    resynthesized, _ = _columns(bank, y)
    reference = largest(target) or None
    _draw(top, bank, target, times, sample_rate, reference)
    mesh = _draw(middle, bank, resynthesized, times, sample_rate, reference)
    mesh.set_label(level_label("maximum of the target"))
    if title is not None:
        write_title(figure.suptitle, title)
    top.set_title("target", fontsize="medium")
    middle.set_title(_name_of_best(errors), fontsize="medium")
    top.set_xlabel("")
    top.tick_params(labelbottom=False)
    colorbar(mesh, ax=[top, middle])
    bottom = figure.add_subplot(grid[2])
    convergence(errors, ax=bottom)
    return figure


def _checked(errors: Float[np.ndarray, "..."]) -> Float[np.ndarray, "step count"]:
    """The errors with one column per metamer, even for a single metamer."""
    errors = np.asarray(errors, float)
    if errors.ndim not in (1, 2) or errors.size == 0:
        raise ValueError(
            f"errors must have a row for each step and a column for each metamer, at least one of "
            f"each, got an array of shape {errors.shape}; pass Resynthesis.error."
        )
    return errors.reshape(len(errors), -1)


def _best(errors: Float[np.ndarray, "step count"]) -> int:
    """Index of the smallest final error."""
    return int(np.argmin(np.nan_to_num(errors[-1], nan=np.inf)))


def _name_of_best(errors: Float[np.ndarray, "step count"]) -> str:
    best = _best(errors)
    which = f" {best + 1} of {errors.shape[1]}" if errors.shape[1] > 1 else ""
    return f"metamer{which}: error {number(100 * errors[-1, best])} %"


def _draw(
    ax: "Axes",
    bank: FilterBank,
    u1: Float[np.ndarray, "n1 column"],
    times: Int[np.ndarray, " edge"],
    sample_rate: float | None,
    reference: float | None,
) -> "QuadMesh":
    frequency = edges(wavelet_frequencies(bank, sample_rate=sample_rate))
    mesh = draw_levels(ax, times / (sample_rate or 1), frequency, u1, _RANGE_DB, reference)
    label_time(ax, sample_rate)
    frequency_axis(ax, bank, sample_rate)
    return mesh


def _columns(
    bank: FilterBank, x: Float[np.ndarray, "*channel time"]
) -> tuple[Float[np.ndarray, "n1 column"], Int[np.ndarray, " edge"]]:
    """Scalogram averaged in time to at most `_MAX_COLUMNS` columns, and the column edges."""
    x = np.asarray(x)
    n = x.shape[-1]
    width = -(-n // _MAX_COLUMNS)
    edges = np.append(np.arange(0, n, width), n)
    channels = [_means(bank, channel, edges) for channel in x.reshape(-1, n)]
    return np.sqrt(np.mean(np.square(channels), axis=0)), edges


def _means(
    bank: FilterBank, x: Float[np.ndarray, " time"], edges: Int[np.ndarray, " edge"]
) -> Float[np.ndarray, "n1 column"]:
    """Means of the scalogram between the edges."""
    is_one_call = len(x) == bank.n_samples
    parts = [_scalogram(bank, x)] if is_one_call else stream(bank, [x], transform=_scalogram)
    sums, start = np.zeros((len(bank.wavelets1), len(edges) - 1)), 0
    for part in parts:
        u1 = np.asarray(part, float)
        stop = start + u1.shape[1]
        first, last = np.searchsorted(edges, start, "right") - 1, np.searchsorted(edges, stop)
        begins = np.maximum(edges[first:last], start) - start
        sums[:, first:last] += np.add.reduceat(u1, begins, axis=1)
        start = stop
    return sums / np.diff(edges)
