"""One picture of what joint time–frequency scattering says about a sound."""

from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jtfs_jax._extras import require
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._jtfs import jtfs
from jtfs_jax._paths import PathTable, path_table
from jtfs_jax.analysis._energy import path_energies

from ._axes import colorbar
from ._live_paths import live_paths, require_wavelets
from ._paths import energy_profile, path
from ._scale_rate import scale_rate
from ._sounds import scalogram

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def overview(
    bank: FilterBank, x: Float[np.ndarray, " time"], *, sample_rate: float | None = None
) -> "Figure":
    """Picture of a sound: its scalogram, what rises and falls in it, and S2 as a whole.

    In the middle are the path of the greatest energy, of those with a spin, and the one that
    mirrors it, in the same colors; below, S2 by rate and scale, and the energies of all paths.

    Args:
        bank: Filters from `filterbank`, with `J_fr`.
        x: One sound of `bank.n_samples` samples.
        sample_rate: Samples a second, in Hz. None: time in samples, frequencies in cycles/sample.

    Returns:
        A figure that pyplot does not know of; to write it: `figure.savefig("sound.png")`.

    Raises:
        ValueError: If `bank` has no frequential wavelets or no paths of ψ_n2, or `x` is not one
            sound of its length.

    See Also:
        scalogram, path, scale_rate, energy_profile: its parts.
    """
    table = path_table(bank, sample_rate=sample_rate)
    require_wavelets(table)
    S = jtfs(bank, jnp.asarray(x))
    paths = live_paths(bank, S)
    rising, falling = _loudest(table, np.asarray(path_energies(bank, S)))
    reference = max(float(paths[rising].max()), float(paths[falling].max()))

    figure = require("matplotlib.figure", "plot").Figure(figsize=(8, 9), layout="constrained")
    top, middle, bottom = figure.subfigures(3, 1)
    colorbar(scalogram(bank, x, sample_rate=sample_rate, ax=top.add_subplot()))
    axes = middle.subplots(1, 2, sharex=True, sharey=True)
    meshes = [
        path(bank, S, index, sample_rate=sample_rate, reference=reference, ax=ax)
        for ax, index in zip(axes, (rising, falling), strict=True)
    ]
    axes[1].set_ylabel("")
    colorbar(meshes[0], ax=list(axes))
    rates, energies = bottom.subplots(1, 2)
    colorbar(scale_rate(bank, S, sample_rate=sample_rate, ax=rates))
    energy_profile(bank, S, sample_rate=sample_rate, ax=energies)
    return figure


def _loudest(table: PathTable, energies: Float[np.ndarray, " path"]) -> tuple[int, int]:
    """Of paths with a spin, that of the greatest energy and its mirror; the rising one first."""
    loudest = int(np.argmax(np.where(table.spin != 0, energies, -1.0)))
    alike = (table.n2 == table.n2[loudest]) & (table.scale == table.scale[loudest])
    rising, falling = (int(np.flatnonzero(alike & (table.spin == spin))[0]) for spin in (1, -1))
    return rising, falling
