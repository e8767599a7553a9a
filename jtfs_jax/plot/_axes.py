"""What pictures share: colors, levels, and axes with units."""

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

MAGNITUDE = "magma"  # lightness rises evenly, so that no color vision is needed to read it
SIGNED = "RdBu_r"
RISING, FALLING, LOW_PASS = "#D55E00", "#0072B2", "#7F7F7F"  # two of Okabe & Ito, and a gray
_NOT_FINITE = "0.6"  # a gray, which no level has
_FLOOR = 1e-6  # −120 dB, well under the range of any picture
_AUDIBLE_HZ = 20.0
_CHARACTERS_AN_INCH, _LINES_AN_INCH = 9.0, 5.0  # of tick labels, with the space between them
_LONGEST_LABEL = 5  # characters on logarithmic abscissas
_MAX_TITLE = 60  # characters


def current_axes(ax: "Axes | None") -> "Axes":
    """The axes to draw on: those given, else those of pyplot."""
    return require("matplotlib.pyplot", "plot").gca() if ax is None else ax


def colorbar(
    picture: "QuadMesh | AxesImage", *, ax: "Axes | Sequence[Axes] | None" = None
) -> "Colorbar":
    """Add the color bar of a picture, labeled with its unit.

    Args:
        picture: What a function of `jtfs_jax.plot` has returned.
        ax: The axes that make room for it. None: those of the picture.

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
    """The largest finite value; 0 where there is none."""
    return max(float(np.max(u, where=np.isfinite(u), initial=0.0)) for u in arrays)


def decibels(
    u: Float[np.ndarray, "*shape"], reference: float | None
) -> Float[np.ndarray, "*shape"]:
    """Levels of magnitudes; None: with respect to the largest. NaN where they are not finite."""
    reference = (reference if reference is not None else largest(u)) or 1.0
    finite = np.where(np.isfinite(u), np.asarray(u, float), np.nan)
    return 20 * np.log10(np.maximum(finite / reference, _FLOOR))


def edges(centers: Float[np.ndarray, " center"]) -> Float[np.ndarray, " edge"]:
    """Borders halfway, on a logarithmic axis, between the centers; of a single one, an octave."""
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
    """A mesh of levels with these borders of columns and rows; 0 dB is the brightest.

    Colors say nothing where there is only one of them: then the magnitude is written on it.
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
    """The label of an axis of decibels, with what is at 0 dB."""
    return f"level (dB re {reference})"


def write_in(ax: "Axes", text: str) -> None:
    """A remark in the middle of axes, legible on any color."""
    box = {"boxstyle": "round", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    place = {"transform": ax.transAxes, "ha": "center", "va": "center"}
    ax.text(0.5, 0.5, text, color="black", bbox=box, **place)


def write_title(write: "Callable[..., Text]", name: str) -> None:
    """A title that is the name of a file, of any letters and length, by a method of a figure."""
    fonts = require("matplotlib.font_manager", "plot")
    known = fonts.get_font(fonts.findfont(fonts.FontProperties())).get_charmap()
    text = "".join(letter if ord(letter) in known else "□" for letter in name)
    if len(text) > _MAX_TITLE:
        text = f"{text[: _MAX_TITLE // 2]}…{text[-_MAX_TITLE // 2 + 1 :]}"
    write(text, parse_math=False, fontsize="large")


def label_time(ax: "Axes", sample_rate: float | None) -> None:
    """The label of abscissas of time."""
    ax.set_xlabel("time (samples)" if sample_rate is None else "time (s)")


def label_rate(ax: "Axes", sample_rate: float | None) -> None:
    """The label of abscissas of rates."""
    ax.set_xlabel(f"rate ({frequency_unit(sample_rate)})")


def frequency_axis(ax: "Axes", bank: FilterBank, sample_rate: float | None) -> None:
    """Logarithmic ordinates that all pictures of sounds and bands have: where wavelets are.

    In Hz, they begin at 20 Hz where most wavelets are above.
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
    """Labels in the middle of cells: all, or every so many where there is no room, with `keep`."""
    needed = sum(len(label) + 1 for label in labels) if which == "x" else len(labels)
    every = math.ceil(needed / room(ax, which))
    shown = slice(keep % every, None, every)
    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_ticks(centers[shown], labels=list(labels)[shown])
    axis.set_minor_locator(require("matplotlib.ticker", "plot").NullLocator())
    ax.tick_params(axis=which, length=0)


def room(ax: "Axes", which: Literal["x", "y"]) -> float:
    """How many letters of tick labels have room along abscissas, or lines along ordinates."""
    figure = ax.get_figure()
    assert figure is not None
    pixels, an_inch = {
        "x": (ax.bbox.width, _CHARACTERS_AN_INCH),
        "y": (ax.bbox.height, _LINES_AN_INCH),
    }[which]
    return max(pixels / figure.dpi * an_inch, 1.0)


def label_scale(ax: "Axes") -> None:
    """The label of ordinates of signed scales."""
    ax.set_ylabel("scale (cycles/octave)\n← falling   rising →")


def frequency_unit(sample_rate: float | None) -> str:
    """The unit of frequencies and rates."""
    return "cycles/sample" if sample_rate is None else "Hz"


def logarithmic(ax: "Axes", which: Literal["x", "y"]) -> None:
    """Logarithmic axis whose labels are plain numbers: 1, 2, 5, or powers of ten if it is long.

    Its limits must be set before.
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
    """So many significant digits at most; thousands are k."""
    thousands = bool(value >= 1000)
    rounded = float(f"{value / 1000 if thousands else value:.{n_digits}g}")
    return f"{rounded:g}".replace("e-0", "e−") + "k" * thousands


def legend_above(ax: "Axes", handles: "Sequence[Artist]", labels: Sequence[str]) -> None:
    """A legend in one row above the axes, where it hides nothing."""
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
