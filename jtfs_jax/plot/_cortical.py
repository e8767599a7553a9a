"""Responses of the cortical model by rate and scale."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from ._axes import current_axes, draw_levels, edges, label_cells, label_rate, number
from ._scale_rate import RANGE_DB, signed_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh

    from jtfs_jax.baselines import CorticalFilterBank

_GAP = 0.25  # height of the gap between the two directions, in cells


def cortical(
    cortex: "CorticalFilterBank",
    r: Float[np.ndarray, "spin scale rate *rest"],
    *,
    reference: float | None = None,
    ax: "Axes | None" = None,
) -> "QuadMesh":
    """Draw the cortical model's responses in decibels by rate and scale, rising above falling.

    Args:
        cortex: Filters from `jtfs_jax.baselines.cortical_filterbank`.
        r: Responses to one sound from `jtfs_jax.baselines.cortical`. Their modulus is averaged
            over channels and frames.
        reference: Response at 0 dB, the brightest color. None means the maximum of the plot.
        ax: Axes to draw on. None means the current axes of pyplot.

    Returns:
        The mesh: scales in rows, with a gap between the two directions, and rates in columns, both
        from low to high.

    Raises:
        ValueError: If `r` is not the response of `cortex` to one sound.

    See Also:
        scale_rate: the same plot of S2.
    """
    u, wanted = np.abs(np.asarray(r)), (2, len(cortex.scales), len(cortex.rates))
    if u.shape[:3] != wanted or u.ndim > 5:
        raise ValueError(
            f"r must be the response to one sound, of shape {wanted} and up to two more axes for "
            f"these filters, got {u.shape}; take one sound of a batch, and the filters that r was "
            f"computed with."
        )
    rising, falling = u.reshape(*wanted, -1).mean(axis=-1)
    rates, scales = np.array(cortex.rates), np.array(cortex.scales)
    grid = np.concatenate([falling[::-1], np.zeros((1, len(rates))), rising])
    positive = edges(scales)
    borders = np.concatenate([-positive[::-1], positive])

    ax = current_axes(ax)
    mesh = draw_levels(ax, edges(rates), borders, grid, RANGE_DB, reference)
    ax.set_xscale("log")
    label_cells(ax, "x", rates, [number(rate) for rate in rates])
    label_rate(ax, 1.0)
    both = np.concatenate([-scales[::-1], scales])
    signed_axis(ax, both, float(positive[0]), middle=_GAP)
    return mesh
