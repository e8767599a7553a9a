"""Colors, levels and labeled axes shared by all plots."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
from jaxtyping import Float

from jtfs_jax import _checks
from jtfs_jax._coordinates import wavelet_frequencies
from jtfs_jax._extras import require
from jtfs_jax._filterbank import FilterBank

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.colorbar import Colorbar
    from matplotlib.image import AxesImage
    from matplotlib.text import Text

MAGNITUDE = "magma"  # lightness increases evenly, so it is readable without color vision
SIGNED = "RdBu_r"
RISING, FALLING, LOW_PASS = "#D55E00", "#0072B2", "#7F7F7F"  # two colors of Okabe & Ito, and a gray
_NOT_FINITE = "0.6"  # a gray that no level has
_FLOOR = 1e-6  # −120 dB, well below the range of any plot
_AUDIBLE_HZ = 20.0
_CHARACTERS_AN_INCH, _LINES_AN_INCH = 9.0, 5.0  # of tick labels, including the space between them
_LONGEST_LABEL = 5  # characters on logarithmic x-axes
_MAX_TITLE = 60  # characters


def current_axes(ax: "Axes | None") -> "Axes":
    """Return `ax`, or the current axes of pyplot if it is None."""
    return require("matplotlib.pyplot", "plot").gca() if ax is None else ax


def colorbar(
    picture: "QuadMesh | AxesImage", *, ax: "Axes | Sequence[Axes] | None" = None
) -> "Colorbar":
    """Add a color bar to a plot, labeled with its unit.

    Args:
        picture: Mesh or image returned by a function of `jtfs_jax.plot`.
        ax: Axes that make room for the color bar. None means the axes of the plot.

    Returns:
        The color bar, as from `figure.colorbar`.
    """
    figure = picture.get_figure()
    assert figure is not None
    room = cast("Axes", picture.axes) if ax is None else ax
    bar = figure.colorbar(picture, ax=room, pad=0.02, label=str(picture.get_label()))
    bar.locator = require("matplotlib.ticker", "plot").MaxNLocator(5, steps=[1, 2, 5, 10])
    bar.outline.set_visible(False)
    return bar


def largest(*arrays: Float[np.ndarray, "..."]) -> float:
    """Largest finite value, or 0 if there is none."""
    return max(float(np.max(u, where=np.isfinite(u), initial=0.0)) for u in arrays)


def decibels(
    u: Float[np.ndarray, "*shape"], reference: float | None
) -> Float[np.ndarray, "*shape"]:
    """Magnitudes in dB re `reference`, by default their maximum; NaN where they are not finite."""
    reference = (reference if reference is not None else largest(u)) or 1.0
    finite = np.where(np.isfinite(u), np.asarray(u, float), np.nan)
    return 20 * np.log10(np.maximum(finite / reference, _FLOOR))


def edges(centers: Float[np.ndarray, " center"]) -> Float[np.ndarray, " edge"]:
    """Cell borders halfway between the centers on a log axis; a single cell spans an octave."""
    log2 = np.log2(centers)
    steps = np.diff(log2) if len(log2) > 1 else np.ones(1)
    first, last = log2[:1] - steps[0] / 2, log2[-1:] + steps[-1] / 2
    return 2 ** np.concatenate([first, (log2[1:] + log2[:-1]) / 2, last])


def draw_levels(
    ax: "Axes",
    x: Float[np.ndarray, " column"],
    y: Float[np.ndarray, " row"],
    u: Float[np.ndarray, "row column"],
    range_db: float,
    reference: float | None,
) -> "QuadMesh":
    """Draw levels as a mesh with column borders `x` and row borders `y`; 0 dB is the brightest.

    If all cells have the same color, their magnitude is written on the mesh.
    """
    if reference is not None:
        reference = _checks.positive_number("reference", reference)
    colors = require("matplotlib", "plot").colormaps[MAGNITUDE].with_extremes(bad=_NOT_FINITE)
    levels = decibels(u, reference)
    mesh = ax.pcolormesh(x, y, levels, cmap=colors, vmin=-range_db, vmax=0, rasterized=True)
    mesh.set_label(level_label("maximum" if reference is None else number(reference)))
    finite = np.isfinite(u)
    if not finite.all():
        write_in(ax, "gray: NaN or infinite")
    elif np.ptp(u) == 0:
        write_in(ax, f"all {number(u[0, 0])}" if u.size > 1 else number(u[0, 0]))
    return mesh


def level_label(reference: str) -> str:
    """Label of a decibel axis that states the reference at 0 dB."""
    return f"level (dB re {reference})"


def write_in(ax: "Axes", text: str) -> None:
    """Write a remark in the middle of the axes, legible on any color."""
    box = {"boxstyle": "round", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    place = {"transform": ax.transAxes, "ha": "center", "va": "center"}
    ax.text(0.5, 0.5, text, color="black", bbox=box, **place)


def write_title(write: "Callable[..., Text]", name: str) -> None:
    """Write a file name of any script and length as a title, with a text method of a figure."""
    fonts = require("matplotlib.font_manager", "plot")
    known = fonts.get_font(fonts.findfont(fonts.FontProperties())).get_charmap()
    text = "".join(letter if ord(letter) in known else "□" for letter in name)
    if len(text) > _MAX_TITLE:
        text = f"{text[: _MAX_TITLE // 2]}…{text[-_MAX_TITLE // 2 + 1 :]}"
    write(text, parse_math=False, fontsize="large")


def label_time(ax: "Axes", sample_rate: float | None) -> None:
    """Label the time axis."""
    ax.set_xlabel("time (samples)" if sample_rate is None else "time (s)")


def label_rate(ax: "Axes", sample_rate: float | None) -> None:
    """Label the rate axis."""
    ax.set_xlabel(f"rate ({frequency_unit(sample_rate)})")


def frequency_axis(ax: "Axes", bank: FilterBank, sample_rate: float | None) -> None:
    """Format the log-frequency axis shared by plots of sounds and bands, which spans the wavelets.

    In Hz, it starts at 20 Hz if most wavelets are above that.
    """
    centers = wavelet_frequencies(bank, sample_rate=sample_rate)
    high, low = edges(centers)[[0, -1]]
    if sample_rate is not None and np.median(centers) > _AUDIBLE_HZ:
        low = max(low, _AUDIBLE_HZ)
    ax.set_ylim(low, min(high, (sample_rate or 1.0) / 2))
    logarithmic(ax, "y")
    ax.set_ylabel(f"frequency ({frequency_unit(sample_rate)})")


def label_cells(
    ax: "Axes",
    which: Literal["x", "y"],
    centers: Float[np.ndarray, " cell"],
    labels: Sequence[str],
    keep: int = 0,
) -> None:
    """Label cells at their centers: all, or every k-th including `keep` if space is short."""
    needed = sum(len(label) + 1 for label in labels) if which == "x" else len(labels)
    every = math.ceil(needed / room(ax, which))
    shown = slice(keep % every, None, every)
    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_ticks(centers[shown], labels=list(labels)[shown])
    axis.set_minor_locator(require("matplotlib.ticker", "plot").NullLocator())
    ax.tick_params(axis=which, length=0)


def room(ax: "Axes", which: Literal["x", "y"]) -> float:
    """Number of tick-label characters that fit along the x-axis, or of lines along the y-axis."""
    figure = ax.get_figure()
    assert figure is not None
    pixels, an_inch = {
        "x": (ax.bbox.width, _CHARACTERS_AN_INCH),
        "y": (ax.bbox.height, _LINES_AN_INCH),
    }[which]
    return max(pixels / figure.dpi * an_inch, 1.0)


def label_scale(ax: "Axes") -> None:
    """Label the axis of signed scales."""
    ax.set_ylabel("scale (cycles/octave)\n← falling   rising →")


def frequency_unit(sample_rate: float | None) -> str:
    """Unit of frequencies and rates."""
    return "cycles/sample" if sample_rate is None else "Hz"


def logarithmic(ax: "Axes", which: Literal["x", "y"]) -> None:
    """Make an axis logarithmic, with plain labels at 1, 2 and 5, or at powers of ten if it is long.

    Its limits must be set first.
    """
    ticker = require("matplotlib.ticker", "plot")
    axis = ax.xaxis if which == "x" else ax.yaxis
    ax.set(**{f"{which}scale": "log"})
    low, high = axis.get_view_interval()
    decades = np.log10(high / low) if high > low > 0 else 1.0
    fit = room(ax, which) > 3 * decades * (_LONGEST_LABEL if which == "x" else 1)
    axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5) if fit else (1,)))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: number(value, 3)))
    axis.set_minor_formatter(ticker.NullFormatter())


def number(value: float, n_digits: int = 2) -> str:
    """Format a number with at most `n_digits` significant digits, and thousands as k."""
    thousands = bool(value >= 1000)
    rounded = float(f"{value / 1000 if thousands else value:.{n_digits}g}")
    return f"{rounded:g}".replace("e-0", "e−") + "k" * thousands


def legend_above(ax: "Axes", handles: "Sequence[Artist]", labels: Sequence[str]) -> None:
    """Add a one-row legend above the axes, where it hides nothing."""
    ax.legend(
        handles,
        labels,
        loc="lower center",
        bbox_to_anchor=(0.5, 1),
        ncols=len(labels),
        frameon=False,
        handlelength=0.7,
        handleheight=0.7,
        handletextpad=0.4,
        columnspacing=0.8,
        borderpad=0.1,
        fontsize="small",
    )
