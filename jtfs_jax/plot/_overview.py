"""Overview plot of a sound and its joint time–frequency scattering coefficients."""

from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jtfs_jax._coordinates import band_frequencies, frame_times
from jtfs_jax._extras import require
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._jtfs import JointScattering, jtfs
from jtfs_jax._path_tables import PathTable, describe_path, path_table
from jtfs_jax.analysis._energy import path_energies

from ._axes import (
    FALLING,
    RISING,
    colorbar,
    decibels,
    frequency_unit,
    label_time,
    largest,
    level_label,
    logarithmic,
    write_in,
    write_title,
)
from ._live_paths import live_paths, require_wavelets
from ._paths import energy_profile, path
from ._scale_rate import RANGE_DB, scale_rate
from ._sounds import scalogram

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure


def overview(
    bank: FilterBank,
    x: Float[np.ndarray, " time"],
    *,
    sample_rate: float | None = None,
    title: str | None = None,
) -> "Figure":
    """Plot a sound: its scalogram, its strongest rising and falling paths, and all of S2.

    The middle row shows the path with the most energy among those with a spin, and its mirror of
    the opposite spin, on the same color scale. Paths with one band or one frame are drawn as two
    lines, and paths with a single coefficient are omitted. The bottom row shows S2 by rate and
    scale, and the energies of all paths.

    Args:
        bank: Filters from `filterbank`, with `J_fr`.
        x: One sound of `bank.n_samples` samples.
        sample_rate: Sample rate in Hz. If None, time is in samples and frequency in cycles/sample.
        title: Name of the sound. None means no title.

    Returns:
        A figure that is not managed by pyplot; save it with `figure.savefig("sound.png")`.

    Raises:
        ValueError: If `bank` has no frequential wavelets or no paths with ψ_n2, or if `x` is not
            one sound of `bank.n_samples` samples.

    See Also:
        scalogram, path, scale_rate, energy_profile: its parts.
    """
    table = path_table(bank, sample_rate=sample_rate)
    require_wavelets(table)
    S = jtfs(bank, jnp.asarray(x))
    paths = live_paths(bank, S)
    pair = _loudest(table, np.asarray(path_energies(bank, S)))
    alone = paths[pair[0]].size == 1

    size = (8, 6.5) if alone else (8, 9)
    figure = require("matplotlib.figure", "plot").Figure(figsize=size, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08)  # keeps labels of neighboring axes apart
    if title is not None:
        write_title(figure.suptitle, title)
    top, *middle, bottom = figure.subfigures(2 if alone else 3, 1)
    colorbar(scalogram(bank, x, sample_rate=sample_rate, ax=top.add_subplot()))
    if middle:
        draw = _draw_lines if 1 in paths[pair[0]].shape else _draw_meshes
        draw(middle[0], bank, S, pair, sample_rate)
    rates, energies = bottom.subplots(1, 2)
    colorbar(scale_rate(bank, S, sample_rate=sample_rate, ax=rates))
    energy_profile(bank, S, sample_rate=sample_rate, ax=energies)
    return figure


def _loudest(table: PathTable, energies: Float[np.ndarray, " path"]) -> tuple[int, int]:
    """Path with the most energy among those with a spin, and its mirror; the rising one first."""
    loudest = int(np.argmax(np.where(table.spin != 0, energies, -1.0)))
    alike = (table.n2 == table.n2[loudest]) & (table.scale == table.scale[loudest])
    rising, falling = (int(np.flatnonzero(alike & (table.spin == spin))[0]) for spin in (1, -1))
    return rising, falling


def _draw_meshes(
    figure: "SubFigure",
    bank: FilterBank,
    S: JointScattering,
    pair: tuple[int, int],
    sample_rate: float | None,
) -> None:
    """Draw a rising path and its mirror side by side."""
    live = live_paths(bank, S)
    reference = largest(*(live[index] for index in pair)) or None
    axes = figure.subplots(1, 2, sharex=True, sharey=True)
    for ax, index in zip(axes, pair, strict=True):
        mesh = path(bank, S, index, sample_rate=sample_rate, reference=reference, ax=ax)
        mesh.set_label(level_label("maximum"))
        name, direction = ax.get_title().rsplit(", ", 1)
        ax.set_title(direction, fontsize="medium")
        figure.suptitle(name, fontsize="medium")
    axes[1].set_ylabel("")
    colorbar(axes[0].collections[0], ax=list(axes))


def _draw_lines(
    figure: "SubFigure",
    bank: FilterBank,
    S: JointScattering,
    pair: tuple[int, int],
    sample_rate: float | None,
) -> None:
    """Draw a rising path and its mirror, with one band or one frame, as two lines in one axes."""
    table, live = path_table(bank), live_paths(bank, S)
    n2, n_fr = int(table.n2[pair[0]]), int(table.n_fr[pair[0]])
    n_bands, n_frames = live[pair[0]].shape
    ax = figure.add_subplot()
    if n_frames > 1:
        x = frame_times(bank, sample_rate=sample_rate, n2=n2)
        label_time(ax, sample_rate)
    else:
        x = band_frequencies(bank, sample_rate=sample_rate, n_fr=n_fr)[:n_bands]
        ax.set_xlim(x[-1], x[0])
        logarithmic(ax, "x")
        ax.set_xlabel(f"frequency ({frequency_unit(sample_rate)})")
    both = np.concatenate([live[index].reshape(1, -1) for index in pair])
    levels = np.maximum(decibels(both, None), -RANGE_DB)
    for level, name, style, color in zip(
        levels, ("rising", "falling"), ("o-", "s--"), (RISING, FALLING), strict=True
    ):
        ax.plot(x, level, style, color=color, markersize=4, label=name)
    if not np.any(both > 0):
        write_in(ax, "all 0" if np.isfinite(both).all() else "NaN or infinite")
    ax.set_ylabel(level_label("maximum"))
    ax.grid(visible=True, alpha=0.3)
    ax.legend(loc="best", fontsize="small")
    name = describe_path(bank, pair[0], sample_rate=sample_rate)
    ax.set_title(name.removesuffix(", rising"), fontsize="medium")
