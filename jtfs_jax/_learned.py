"""Filters whose parameters replace the parameters of the design, and may be traced for learning.

The filters are computed in JAX by the same formulas as in the design. Their sampling stays the
same.
"""

import dataclasses
import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from . import _checks
from ._design import Design, Tables, with_traced
from ._filterbank import FilterBank
from ._parameters import FilterParameters, checked, filter_parameters, merged, pair
from ._time_average import TimeAverage
from ._time_wavelets import group_bins
from ._wavelets import ALPHA, MAX_WIDENING, N_SIGMA, SIGMA0, Family

_LEAST_RATIO = 0.25  # of a center frequency to the bandwidth
_MAX_XI = _MAX_SIGMA = 0.5
_FAR = 1e3  # an edge far from all frequencies, if there is none
_TOLERANCE = 1e-4  # relative distance by which parameters may leave their range, for rounding
_ORDERS = ("1", "2", "_fr")


def with_parameters(bank: FilterBank, parameters: FilterParameters) -> FilterBank:
    """Return a filterbank with other filter parameters, which may be traced, and the same layout.

    The filters follow the same formulas as in `filterbank`. Shapes, decimations, paths and their
    order stay the same as in `bank`, so that one compiled transform serves all parameters. The
    result is differentiable with respect to the parameters. For example, this learns the second
    order, the wavelets along log-frequency, and the averages:

        def loss(parameters):
            return distance(jtfs(with_parameters(bank, parameters), x), target)

        gradient = jax.grad(loss)(filter_parameters(bank)._replace(xi1=None, sigma1=None))

    The layout has room only for filters that are negligible beyond it, so parameters must be in the
    ranges described in `clip_parameters`. Inside functions that JAX traces, this is not checked,
    and filters out of range are truncated. Apply `clip_parameters` after each step.

    `wavelet_frequencies`, `band_frequencies`, `path_table` and `time_path_table` describe filters
    by their new parameters, or by the design if the new parameters are traced or stacked by
    `jax.vmap`.

    The leaves of a filterbank are arrays as well and can be learned directly, one number per bin.
    The resulting filters are not wavelets: they need not have zero mean or unit l1 norm, nor decay.
    φ is no longer a mean, and no table of center frequencies describes what paths measure.

    Args:
        bank: Filters from `filterbank` or `with_parameters`.
        parameters: Result of `filter_parameters`, with other values. None keeps the values of
            `bank`. T and F must be None if they are "global" or 0 in `bank`. Parameters of
            second-order wavelets that no first-order wavelet feeds have no effect.

    Returns:
        A filterbank with the same shapes, settings and precision.

    Raises:
        ValueError: If `parameters` is not a `FilterParameters` with arrays of the shapes that
            `bank` has; if it changes wavelets of a tight frame (normalize="energy"), which depend
            on each other; or, outside traced functions, if a parameter is out of range.

    Example:
        >>> import jax.numpy as jnp
        >>> import jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=8, Q=8, J_fr=3)
        >>> xi2 = 0.9 * jtfs_jax.filter_parameters(bank).xi2
        >>> slower = jtfs_jax.with_parameters(bank, jtfs_jax.FilterParameters(xi2=xi2))
        >>> jtfs_jax.jtfs(slower, jnp.ones(4096)).S2.shape
        (59, 7, 16)

    References:
        Andén & Mallat, Deep Scattering Spectrum, 2014, arXiv:1304.6763: the wavelets.
        Zeghidour et al., LEAF: A Learnable Frontend for Audio Classification, 2021,
        arXiv:2101.08596: learned center frequencies and bandwidths.
    """
    given = checked(bank, parameters)
    values = merged(filter_parameters(bank), given)
    if not any(map(_checks.is_traced, values)):
        _require_range(bank, given, values)
    changed = tuple(value is not None for value in given)
    tables = _tables(bank.design, changed, bank.tables, values)
    return dataclasses.replace(bank, tables=tables, parameters=values)


def clip_parameters(bank: FilterBank, parameters: FilterParameters) -> FilterParameters:
    """Return the nearest parameters whose filters fit the layout of a filterbank.

    If the wavelets of one decimation occupy the frequencies from a to b, that is, from the
    frequency where the lowest vanishes to the frequency where the highest vanishes, at most up to
    the Nyquist frequency, the ranges are

        a + 5σ ≤ ξ ≤ b − 5σ,   σ / 4 ≤ ξ ≤ ½,   0.1 / 2**J ≤ σ ≤ 2σ₀

    with σ₀ from the design. If a ≤ 0, the first bound is √(25σ² − a²) ≤ ξ, because a wavelet also
    has a Gaussian at zero frequency, which makes its mean 0. For analytic wavelets, a does not
    apply if they reach zero frequency, nor b if they reach the Nyquist frequency of the signal;
    neither applies if wavelets cover all frequencies. Along log-frequency, a does not apply, b is
    the Nyquist frequency of the decimated rows if they are decimated, and σ ≥ 0.82 σ₀, so that
    wavelets fit into their matrices. The widths T and F range from the largest power of two up to
    the width in the design, for which averages are sampled, to 1.2 times the width in the design.

    For more freedom, design a filterbank with more room: each step of `oversampling` doubles b,
    with a larger `Q` more wavelets share a decimation, and a T just under twice a power of two can
    shrink by a whole octave.

    Args:
        bank: Filters from `filterbank`.
        parameters: Parameters for `with_parameters`; they may be traced.

    Returns:
        Bandwidths within their range, center frequencies within the range that these bandwidths
        leave, and widths within theirs. None stays None: if only the center frequencies or only the
        bandwidths are given, the ranges assume that `bank` provides the others.

    Raises:
        ValueError: If `parameters` is not a `FilterParameters` with arrays of the shapes that
            `bank` has.

    Example:
        >>> import jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=8, Q=8, T=500)
        >>> float(jtfs_jax.clip_parameters(bank, jtfs_jax.FilterParameters(T=100.0)).T)
        256.0

    See Also:
        with_parameters: filters from such parameters.
    """
    given = checked(bank, parameters)
    return _clipped(bank.design, given, merged(filter_parameters(bank), given))


@functools.partial(jax.jit, static_argnums=0)
def averages_of(design: Design, given: Tables, T: Array) -> list[TimeAverage | None]:
    """Compute the averages over time of another design, for φ_T of a traced width."""
    tables = with_traced(given, dataclasses.replace(design, traced_T=T))
    return [second.average for second in tables.second]


@functools.partial(jax.jit, static_argnums=(0, 1))
def _tables(
    design: Design, changed: tuple[bool, ...], given: Tables, parameters: FilterParameters
) -> Tables:
    """Recompute the tables that depend on changed parameters."""
    is_new = FilterParameters(*changed)  # pyright: ignore[reportArgumentType]
    families: dict[str, Any] = {}
    for order in _ORDERS:
        if any(pair(is_new, order)):
            family = getattr(design, f"family{order}")
            families[f"family{order}"] = family._replace(values=pair(parameters, order))
    widths = {"traced_T": parameters.T if is_new.T else None}
    widths["traced_F"] = parameters.F if is_new.F else None
    tables = with_traced(given, dataclasses.replace(design, **families, **widths))
    return jax.tree.map(lambda table: jnp.asarray(table, given.phi_hat.dtype), tables)


def _require_range(bank: FilterBank, given: FilterParameters, values: FilterParameters) -> None:
    clipped = _clipped(bank.design, given, values)
    for name, value, nearest in zip(given._fields, given, clipped, strict=True):
        if value is None:
            continue
        value, nearest = np.asarray(value, float), np.asarray(nearest, float)
        out = np.abs(value - nearest) > _TOLERANCE * np.abs(nearest)
        if out.any():
            index = int(np.argmax(out)) if out.ndim else None
            place = "" if index is None else f"[{index}]"
            raise ValueError(
                f"parameters.{name} must give filters that fit the layout of bank, got "
                f"{value[out].flat[0]:.6g} for {name}{place}, where the nearest such value is "
                f"{nearest[out].flat[0]:.6g}; apply clip_parameters, which describes the ranges."
            )


class _Ranges(NamedTuple):
    """Ranges of a family's parameters; its wavelets may occupy frequencies from `low` to `high`."""

    low: Float[np.ndarray, " wavelet"]
    high: Float[np.ndarray, " wavelet"]
    narrowest: Float[np.ndarray, " wavelet"]
    widest: Float[np.ndarray, " wavelet"]
    ratio: float  # lowest ratio of ξ to σ


def _ranges(design: Design, order: str) -> _Ranges:
    family: Family = getattr(design, f"family{order}")
    xi, sigma, j = np.array(family.wavelets, float).T
    low, high = np.full(len(xi), -_FAR), np.full(len(xi), _FAR)
    if order == "_fr":
        high[j > 0] = 0.5 / 2 ** j[j > 0]
        narrowest = sigma * ALPHA / N_SIGMA
    else:
        n = design.n_padded
        for group in group_bins(family, n, design.log2_stride):
            members, whole = (
                slice(group.members.start, group.members.stop),
                group.stop - group.start,
            )
            if whole < n:
                if not (family.analytic and group.start <= 0):
                    low[members] = group.start / n
                if not (family.analytic and group.stop > n // 2):
                    high[members] = group.stop / n
        narrowest = np.full(len(xi), SIGMA0 / 2**family.J)
    widest = np.minimum(MAX_WIDENING * sigma, _MAX_SIGMA)
    room = np.where(low > 0, high - low, (low**2 + high**2) / high)
    widest = np.minimum(widest, room / (2 * ALPHA))
    ratio = min(_LEAST_RATIO, float((xi / sigma).min()))
    return _Ranges(low, high, narrowest, widest, ratio)


def _clipped(design: Design, given: FilterParameters, values: FilterParameters) -> FilterParameters:
    found: dict[str, Any] = {}
    for order in _ORDERS:
        new_xi, new_sigma = pair(given, order)
        if new_xi is None and new_sigma is None:
            continue
        xi, sigma = pair(values, order)
        low, high, narrowest, widest, ratio = _ranges(design, order)
        low, high, narrowest, widest = (
            edge.astype(xi.dtype) for edge in (low, high, narrowest, widest)
        )
        if new_sigma is not None:
            if new_xi is None:
                below = jnp.where(low > 0, xi - low, jnp.hypot(xi, low))
                room = jnp.minimum(jnp.minimum(below, high - xi) / ALPHA, xi / ratio)
                widest = jnp.clip(room, narrowest, widest)
            sigma = found[f"sigma{order}"] = jnp.clip(sigma, narrowest, widest)
        if new_xi is not None:
            reach = ALPHA * sigma
            to_low_pass = jnp.sqrt(jnp.maximum(reach**2 - low**2, 0))
            least = jnp.maximum(jnp.where(low > 0, low + reach, to_low_pass), ratio * sigma)
            most = jnp.minimum(high - ALPHA * sigma, _MAX_XI)
            found[f"xi{order}"] = jnp.clip(xi, least, most)
    for name in ("T", "F"):
        width = getattr(given, name)
        if width is not None:
            designed = getattr(design, name)
            least = 2 ** math.floor(math.log2(designed))
            found[name] = jnp.clip(width, least, designed * N_SIGMA / ALPHA)
    return given._replace(**found)
