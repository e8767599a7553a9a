"""Pictures of scalograms and of metamers."""

from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jtfs_jax._coordinates import wavelet_frequencies
from jtfs_jax._extras import require
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._first_order import scalogram as _scalogram

from ._axes import (
    current_axes,
    decibels,
    draw_levels,
    edges,
    label_frequency,
    label_time,
    logarithmic,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

_RANGE_DB = 60
_AUDIBLE_HZ = 20.0
_MAX_COLUMNS = 1000


def scalogram(
    bank: FilterBank,
    x: Float[np.ndarray, " time"],
    *,
    sample_rate: float | None = None,
    reference: float | None = None,
    ax: "Axes | None" = None,
) -> "QuadMesh":
    """Draw the scalogram of a sound in decibels, on axes of time and log-frequency.

    Where frequencies are in Hz, the axis begins at 20 Hz; `ax.set_ylim` shows the rows below.

    Args:
        bank: Filters from `filterbank`.
        x: One sound of `bank.n_samples` samples.
        sample_rate: Samples a second, in Hz. None: time in samples, frequency in cycles/sample.
        reference: Magnitude of 0 dB, the brightest color. None: the largest in the picture.
        ax: Where to draw. None: the current axes of pyplot.

    Returns:
        The mesh, of which the top color is 0 dB; for a color bar: `colorbar(mesh)`.
    """
    return _draw(current_axes(ax), bank, _columns(bank, x), sample_rate, reference)


def convergence(
    errors: Float[np.ndarray, "step count"], *, ax: "Axes | None" = None
) -> "list[Line2D]":
    """Draw the errors of a resynthesis, a line a metamer.

    The axis is logarithmic, unless the errors are much the same.

    Args:
        errors: Relative errors, row 0 at the start, as in `Resynthesis.error`.
        ax: Where to draw. None: the current axes of pyplot.

    Returns:
        The lines.
    """
    ax = current_axes(ax)
    errors = np.asarray(errors)
    lines = ax.plot(np.arange(len(errors)), 100 * errors)
    if errors.max() > 3 * errors.min() > 0:
        logarithmic(ax, "y")
    ax.set_xlim(0, max(len(errors) - 1, 1))
    ax.set_xlabel("step")
    ax.set_ylabel("error (%)")
    ax.grid(visible=True, which="both", alpha=0.3)
    return lines


def metamer(
    bank: FilterBank,
    x: Float[np.ndarray, " time"],
    y: Float[np.ndarray, " time"],
    errors: Float[np.ndarray, "step count"],
    *,
    sample_rate: float | None = None,
) -> "Figure":
    """Picture of a target and its metamer: both scalograms in the same colors, and the errors.

    Args:
        bank: Filters from `filterbank`.
        x: The target.
        y: Its metamer.
        errors: As for `convergence`.
        sample_rate: As for `scalogram`.

    Returns:
        A figure that pyplot does not know of; to write it: `figure.savefig("metamer.png")`.
    """
    figure = require("matplotlib.figure", "plot").Figure(figsize=(8, 9), layout="constrained")
    grid = figure.add_gridspec(3, 1, height_ratios=[3, 3, 2])
    top = figure.add_subplot(grid[0])
    middle = figure.add_subplot(grid[1], sharex=top, sharey=top)
    target, resynthesized = _columns(bank, x), _columns(bank, y)
    _draw(top, bank, target, sample_rate, target.max())
    mesh = _draw(middle, bank, resynthesized, sample_rate, target.max())
    top.set_title("target")
    middle.set_title("metamer")
    top.set_xlabel("")
    top.tick_params(labelbottom=False)
    figure.colorbar(mesh, ax=[top, middle], label="level (dB re maximum of the target)")
    bottom = figure.add_subplot(grid[2])
    convergence(errors, ax=bottom)
    return figure


def _draw(
    ax: "Axes",
    bank: FilterBank,
    u1: Float[np.ndarray, "n1 column"],
    sample_rate: float | None,
    reference: float | None,
) -> "QuadMesh":
    time = np.linspace(0, bank.n_samples / (sample_rate or 1), u1.shape[1] + 1)
    frequency = edges(wavelet_frequencies(bank, sample_rate=sample_rate))
    mesh = draw_levels(ax, time, frequency, decibels(u1, reference), _RANGE_DB)
    lowest = frequency[-1] if sample_rate is None else max(frequency[-1], _AUDIBLE_HZ)
    ax.set_ylim(lowest if lowest < frequency[0] else frequency[-1], frequency[0])
    label_time(ax, sample_rate)
    label_frequency(ax, sample_rate)
    return mesh


def _columns(bank: FilterBank, x: Float[np.ndarray, " time"]) -> Float[np.ndarray, "n1 column"]:
    """The scalogram, averaged over so many samples that a picture can show it."""
    u1 = np.asarray(_scalogram(bank, jnp.asarray(x)))
    width = -(-bank.n_samples // _MAX_COLUMNS)
    edges = np.append(np.arange(0, bank.n_samples, width), bank.n_samples)
    return np.add.reduceat(u1, edges[:-1], axis=1) / np.diff(edges)
