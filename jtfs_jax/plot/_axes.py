"""What pictures share: colors, levels, and axes with units."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
from jaxtyping import Float

from jtfs_jax._extras import require

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.colorbar import Colorbar
    from matplotlib.image import AxesImage

MAGNITUDE = "magma"  # lightness rises evenly, so that no color vision is needed to read it
SIGNED = "RdBu_r"
RISING, FALLING, LOW_PASS = "#D55E00", "#0072B2", "#7F7F7F"  # two of Okabe & Ito, and a gray
_FLOOR = 1e-6  # −120 dB, well under the range of any picture


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


def decibels(
    u: Float[np.ndarray, "*shape"], reference: float | None
) -> Float[np.ndarray, "*shape"]:
    """Levels of magnitudes; None: with respect to the largest."""
    reference = (reference if reference is not None else u.max()) or 1.0
    return 20 * np.log10(np.maximum(u / reference, _FLOOR))


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
    level: Float[np.ndarray, "row column"],
    range_db: float,
) -> "QuadMesh":
    """A mesh of decibels with these borders of columns and rows; 0 dB is the brightest."""
    mesh = ax.pcolormesh(x, y, level, cmap=MAGNITUDE, vmin=-range_db, vmax=0, rasterized=True)
    mesh.set_label("level (dB)")
    return mesh


def label_time(ax: "Axes", sample_rate: float | None) -> None:
    """The label of abscissas of time."""
    ax.set_xlabel("time (samples)" if sample_rate is None else "time (s)")


def label_rate(ax: "Axes", sample_rate: float | None) -> None:
    """The label of abscissas of rates."""
    ax.set_xlabel(f"rate ({frequency_unit(sample_rate)})")


def label_frequency(ax: "Axes", sample_rate: float | None) -> None:
    """Logarithmic ordinates of frequency, and their label."""
    logarithmic(ax, "y")
    ax.set_ylabel(f"frequency ({frequency_unit(sample_rate)})")


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
    longest = 1.3 if which == "x" else 3.5  # labels are wider than high
    axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5) if decades < longest else (1,)))
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
