"""Filters from other parameters than those of their design, which may be traced: to be learned.

The formulas of the filters are those of the design, in JAX. How they are sampled stays as it is.
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
from ._nodes import exportable
from ._time_average import TimeAverage
from ._time_wavelets import group_bins
from ._wavelets import ALPHA, MAX_WIDENING, N_SIGMA, SIGMA0, Family, Wavelet

_LEAST_RATIO = 0.25  # of a center frequency to its bandwidth
_MAX_XI = _MAX_SIGMA = 0.5
_TOLERANCE = 1e-4  # relative, by which parameters may be out of range: rounding
_ORDERS = ("1", "2", "_fr")


@exportable
class FilterParameters(NamedTuple):
    """Center frequencies, bandwidths and widths of filters; see `filter_parameters`.

    None stands for what a filterbank does not have, or, in `with_parameters`, for what stays.

    Attributes:
        xi1: Center frequencies of the first-order wavelets ψ_n1, in cycles/sample, `(n1,)`.
        sigma1: Their bandwidths σ, in cycles/sample: standard deviations of |ψ̂|, `(n1,)`.
        xi2: Center frequencies of the second-order wavelets ψ_n2, in cycles/sample, `(n2,)`.
        sigma2: Their bandwidths, in cycles/sample, `(n2,)`.
        xi_fr: Center frequencies of the frequential wavelets ψ_β, in cycles/row, `(n_fr,)`; times
            Q, in cycles/octave. Both spins share them.
        sigma_fr: Their bandwidths, in cycles/row, `(n_fr,)`.
        T: Width of φ_T, in samples, `()`.
        F: Width of φ_F, in rows, `()`.
    """

    xi1: Float[Array, " n1"] | None = None
    sigma1: Float[Array, " n1"] | None = None
    xi2: Float[Array, " n2"] | None = None
    sigma2: Float[Array, " n2"] | None = None
    xi_fr: Float[Array, " n_fr"] | None = None
    sigma_fr: Float[Array, " n_fr"] | None = None
    T: Float[Array, ""] | None = None
    F: Float[Array, ""] | None = None


def filter_parameters(bank: FilterBank) -> FilterParameters:
    """Parameters of the filters, to be changed, or learned by gradient descent.

    Args:
        bank: Filters from `filterbank` or `with_parameters`.

    Returns:
        Arrays in the precision of `bank`. T and F are None where they are "global" or 0, as are
        parameters of frequential wavelets where there are none.

    Example:
        >>> import jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=8, Q=8, J_fr=3)
        >>> parameters = jtfs_jax.filter_parameters(bank)
        >>> parameters.xi1.shape, parameters.xi2.shape, parameters.xi_fr.shape, float(parameters.T)
        ((54,), (7,), (3,), 256.0)

    See Also:
        with_parameters: filters from these.
    """
    if bank.parameters is not None:
        return bank.parameters
    return jax.tree.map(lambda value: jnp.asarray(value, bank.dtype), _of_design(bank))


def with_parameters(bank: FilterBank, parameters: FilterParameters) -> FilterBank:
    """Filters from other parameters, which may be traced, in the layout of a given filterbank.

    Filters are by the same formulas as those of `filterbank`. Shapes, decimations, paths and their
    order stay those of `bank`, so that a transform that is compiled for some parameters serves all.
    The result is differentiable with respect to the parameters:

        def loss(parameters):
            return distance(jtfs(with_parameters(bank, parameters), x), target)

        gradient = jax.grad(loss)(filter_parameters(bank)._replace(xi1=None, sigma1=None))

    learns the second order, the wavelets along log-frequency, and the averages.

    The layout carries filters as long as they are negligible beyond it, for which parameters have
    to be in the range that `clip_parameters` describes. Traced ones are not checked: filters that
    leave this range are cut off, gradients are those of such filters. Apply `clip_parameters`
    after each step.

    `wavelet_frequencies`, `band_frequencies`, `path_table` and `time_path_table` describe filters
    by their new parameters; inside a function that JAX traces over these, by the design.

    The leaves of a filterbank are arrays as well, which may be learned as they are, one number a
    bin. What comes of them are no wavelets: they need not have a mean of 0, nor a l1 norm of 1, nor
    decay; both spins are no mirror images any more where real and imaginary parts differ, φ is no
    mean, and no table of center frequencies describes them.

    Args:
        bank: Filters from `filterbank` or `with_parameters`.
        parameters: From `filter_parameters`, with other values. Those that are None stay as they
            are in `bank`. Not for T and F that are "global" or 0. Of second-order wavelets, those
            that no first-order wavelet feeds have no influence.

    Returns:
        A filterbank of the same shapes, statics and precision.

    Raises:
        ValueError: If `parameters` are not `FilterParameters` of arrays of the shapes that `bank`
            has, or if those that are not traced are out of range. If wavelets of a tight frame
            (normalize="energy") are to be changed: each is made from all others.

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
        arXiv:2101.08596: center frequencies and bandwidths that are learned.
    """
    given = _checked(bank, parameters)
    merged = _merged(filter_parameters(bank), given)
    if not any(map(_checks.is_traced, given)):
        _require_range(bank, given, merged)
    changed = tuple(value is not None for value in given)
    tables = _tables(bank.design, changed, bank.tables, merged)
    return dataclasses.replace(bank, tables=tables, parameters=merged)


def clip_parameters(bank: FilterBank, parameters: FilterParameters) -> FilterParameters:
    """The nearest parameters whose filters the layout of a filterbank carries.

    Where wavelets of a decimation occupy the frequencies from a to b, that is, from where the
    lowest to where the highest of them vanishes, at most up to the Nyquist frequency:

        a + 5σ ≤ ξ ≤ b − 5σ,   σ / 4 ≤ ξ ≤ ½,   0.1 / 2**J ≤ σ ≤ 2σ₀

    with σ₀ of the design. If a ≤ 0, the first is √(25σ² − a²) ≤ ξ, as there is also a Gaussian at
    zero frequency, which gives a mean of 0. There is no a where wavelets are analytic and reach
    zero frequency, and neither a nor b where they cover all frequencies. Along log-frequency, there
    is no a, b is the Nyquist frequency of the decimated rows if they are decimated, and
    σ ≥ 0.82 σ₀, so that wavelets are not longer than what their matrices hold. Widths T and F are
    from the power of two below those of the design, for which averages are sampled, to 1.2 times
    those of the design.

    For more freedom, design a filterbank with more of it: `oversampling` doubles b with each step,
    `Q` brings wavelets to share a decimation, and a T just under twice a power of two has the whole
    octave below.

    Args:
        bank: Filters from `filterbank`.
        parameters: Those for `with_parameters`; they may be traced.

    Returns:
        Bandwidths within their range, center frequencies within that which these leave, and
        widths. None stays None: where only one of center frequencies and bandwidths is given, the
        others are those of `bank`.

    Raises:
        ValueError: If `parameters` are not `FilterParameters` of arrays of the shapes that `bank`
            has.

    Example:
        >>> import jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=8, Q=8, T=500)
        >>> float(jtfs_jax.clip_parameters(bank, jtfs_jax.FilterParameters(T=100.0)).T)
        256.0

    See Also:
        with_parameters: which needs such parameters.
    """
    given = _checked(bank, parameters)
    return _clipped(bank.design, given, _merged(filter_parameters(bank), given))


def known_wavelets(bank: FilterBank, order: str) -> tuple[Wavelet, ...]:
    """Wavelets of the order "1", "2" or "_fr" as they are; as designed, where that is traced."""
    designed = getattr(bank, f"wavelets{order}")
    values = _pair(bank.parameters, order) if bank.parameters is not None else (None, None)
    if any(value is None or _checks.is_traced(value) for value in values):
        return designed
    xi, sigma = (np.asarray(value, float).tolist() for value in values)
    return tuple(map(Wavelet, xi, sigma, (psi.j for psi in designed)))


def known_T(bank: FilterBank) -> float:
    """Width of φ_T as it is; as designed, where that is traced."""
    T = None if bank.parameters is None else bank.parameters.T
    return bank.low_pass_width if T is None or _checks.is_traced(T) else float(T)


@functools.partial(jax.jit, static_argnums=0)
def averages_of(design: Design, given: Tables, T: Array) -> list[TimeAverage | None]:
    """Averages over time of another design, for φ_T of a width that is traced."""
    tables = with_traced(given, dataclasses.replace(design, traced_T=T))
    return [second.average for second in tables.second]


@functools.partial(jax.jit, static_argnums=(0, 1))
def _tables(
    design: Design, changed: tuple[bool, ...], given: Tables, parameters: FilterParameters
) -> Tables:
    """Those that depend on what has changed."""
    is_new = FilterParameters(*changed)  # pyright: ignore[reportArgumentType]
    families: dict[str, Any] = {}
    for order in _ORDERS:
        if any(_pair(is_new, order)):
            family = getattr(design, f"family{order}")
            families[f"family{order}"] = family._replace(values=_pair(parameters, order))
    widths = {"traced_T": parameters.T if is_new.T else None}
    widths["traced_F"] = parameters.F if is_new.F else None
    tables = with_traced(given, dataclasses.replace(design, **families, **widths))
    return jax.tree.map(lambda table: jnp.asarray(table, given.phi_hat.dtype), tables)


def _pair(parameters: FilterParameters, order: str) -> tuple[Any, Any]:
    """Center frequencies and bandwidths of an order."""
    return getattr(parameters, f"xi{order}"), getattr(parameters, f"sigma{order}")


def _of_design(bank: FilterBank) -> FilterParameters:
    def columns(wavelets: tuple[Wavelet, ...]) -> tuple[Any, Any]:
        xi, sigma, _ = np.array(wavelets, float).reshape(-1, 3).T
        return (xi, sigma) if wavelets else (None, None)

    T, F = (None if width in ("global", 0) else width for width in (bank.T, bank.F))
    wavelets = (bank.wavelets1, bank.wavelets2, bank.wavelets_fr)
    return FilterParameters(*(column for psis in wavelets for column in columns(psis)), T=T, F=F)


def _merged(old: FilterParameters, new: FilterParameters) -> FilterParameters:
    pairs = zip(old, new, strict=True)
    return FilterParameters(*(before if after is None else after for before, after in pairs))


def _checked(bank: FilterBank, parameters: Any) -> FilterParameters:
    """Parameters as arrays of the precision and the shapes that `bank` has."""
    if not isinstance(parameters, FilterParameters):
        raise ValueError(
            f"parameters must be FilterParameters, got {type(parameters).__name__}; change those "
            f"of filter_parameters(bank), as by _replace."
        )
    found = []
    for name, value, own in zip(parameters._fields, parameters, _of_design(bank), strict=True):
        if value is None:
            found.append(None)
            continue
        if own is None:
            reason = f"{name}={getattr(bank, name)!r}" if name in "TF" else "J_fr=None"
            raise ValueError(
                f"parameters.{name} must be None for a filterbank with {reason}, which has no such "
                f"parameter, got {_checks.shown(value)}."
            )
        if bank.normalize == "energy" and name not in "TF":
            raise ValueError(
                f'parameters.{name} must be None for a filterbank with normalize="energy", whose '
                f"wavelets depend on each other, as they sum up to a tight frame; use "
                f'normalize="l1".'
            )
        array = jnp.asarray(value)
        if array.shape != np.shape(own) or jnp.issubdtype(array.dtype, jnp.complexfloating):
            raise ValueError(
                f"parameters.{name} must be real and of shape {np.shape(own)}, as in "
                f"filter_parameters(bank), got {array.dtype} of shape {array.shape}."
            )
        found.append(array.astype(bank.dtype))
    return FilterParameters(*found)


def _require_range(bank: FilterBank, given: FilterParameters, merged: FilterParameters) -> None:
    clipped = _clipped(bank.design, given, merged)
    for name, value, nearest in zip(given._fields, given, clipped, strict=True):
        if value is None:
            continue
        value, nearest = np.asarray(value, float), np.asarray(nearest, float)
        out = np.abs(value - nearest) > _TOLERANCE * np.abs(nearest)
        if out.any():
            index = int(np.argmax(out)) if out.ndim else None
            place = "" if index is None else f"[{index}]"
            raise ValueError(
                f"parameters.{name} must be such that the layout of bank carries the filters, got "
                f"{value[out].flat[0]:.6g} for {name}{place}, where the nearest such value is "
                f"{nearest[out].flat[0]:.6g}; apply clip_parameters, which describes the ranges."
            )


class _Ranges(NamedTuple):
    """What wavelets of a family may occupy: frequencies from `low` to `high`."""

    low: Float[np.ndarray, " wavelet"]
    high: Float[np.ndarray, " wavelet"]
    narrowest: Float[np.ndarray, " wavelet"]
    widest: Float[np.ndarray, " wavelet"]
    ratio: float  # of ξ to σ, at least


def _ranges(design: Design, order: str) -> _Ranges:
    family: Family = getattr(design, f"family{order}")
    xi, sigma, j = np.array(family.wavelets, float).T
    low, high = np.full(len(xi), -np.inf), np.full(len(xi), np.inf)
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
    widest = np.fmin(widest, room / (2 * ALPHA))
    ratio = min(_LEAST_RATIO, float((xi / sigma).min()))
    return _Ranges(low, high, narrowest, widest, ratio)


def _clipped(design: Design, given: FilterParameters, merged: FilterParameters) -> FilterParameters:
    found: dict[str, Any] = {}
    for order in _ORDERS:
        new_xi, new_sigma = _pair(given, order)
        if new_xi is None and new_sigma is None:
            continue
        xi, sigma = _pair(merged, order)
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
