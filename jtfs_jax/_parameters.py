"""Parameters of filters: the design's own, or others that replace them and may be traced."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from . import _checks
from ._filterbank import FilterBank
from ._nodes import exportable
from ._wavelets import Wavelet


@exportable
class FilterParameters(NamedTuple):
    """Center frequencies, bandwidths and widths of filters; see `filter_parameters`.

    All are arrays with the shapes below. None stands for a parameter that a filterbank does not
    have or, in `with_parameters`, for one that does not change.

    Attributes:
        xi1: Center frequencies of the first-order wavelets ψ_n1, in cycles/sample, `(n1,)`.
        sigma1: Their bandwidths σ, in cycles/sample: standard deviations of |ψ̂|, `(n1,)`.
        xi2: Center frequencies of the second-order wavelets ψ_n2, in cycles/sample, `(n2,)`.
        sigma2: Their bandwidths, in cycles/sample, `(n2,)`.
        xi_fr: Center frequencies of the frequential wavelets ψ_β, in cycles/row, `(n_fr,)`;
            multiply by Q for cycles/octave. Both spins share them.
        sigma_fr: Their bandwidths, in cycles/row, `(n_fr,)`.
        T: Width of φ_T, in samples, `()`.
        F: Width of φ_F, in rows, `()`.
    """

    xi1: Any = None
    sigma1: Any = None
    xi2: Any = None
    sigma2: Any = None
    xi_fr: Any = None
    sigma_fr: Any = None
    T: Any = None
    F: Any = None


def filter_parameters(bank: FilterBank) -> FilterParameters:
    """Return the parameters of the filters, to be changed or learned by gradient descent.

    Args:
        bank: Filters from `filterbank` or `with_parameters`.

    Returns:
        Arrays in the precision of `bank`. T and F are None if they are "global" or 0; parameters of
        frequential wavelets are None if there are none.

    Example:
        >>> import jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=8, Q=8, J_fr=3)
        >>> parameters = jtfs_jax.filter_parameters(bank)
        >>> parameters.xi1.shape, parameters.xi2.shape, parameters.xi_fr.shape, float(parameters.T)
        ((54,), (9,), (4,), 256.0)

    See Also:
        with_parameters: filters from these parameters.
    """
    if bank.parameters is not None:
        return bank.parameters
    return jax.tree.map(lambda value: jnp.asarray(value, bank.dtype), _of_design(bank))


def known_wavelets(bank: FilterBank, order: str) -> tuple[Wavelet, ...]:
    """Return the wavelets of order "1", "2" or "_fr", by the design if traced or stacked."""
    designed = getattr(bank, f"wavelets{order}")
    values = pair(bank.parameters, order) if bank.parameters is not None else (None, None)
    if any(value is None or _checks.is_traced(value) or value.ndim != 1 for value in values):
        return designed
    xi, sigma = (np.asarray(value, float).tolist() for value in values)
    return tuple(map(Wavelet, xi, sigma, (psi.j for psi in designed)))


def known_T(bank: FilterBank) -> float:
    """Return the width of φ_T, by the design if traced or stacked."""
    T = None if bank.parameters is None else bank.parameters.T
    if T is None or _checks.is_traced(T) or T.ndim:
        return bank.low_pass_width
    return float(T)


def pair(parameters: FilterParameters, order: str) -> tuple[Any, Any]:
    """Return the center frequencies and bandwidths of an order."""
    return getattr(parameters, f"xi{order}"), getattr(parameters, f"sigma{order}")


def merged(old: FilterParameters, new: FilterParameters) -> FilterParameters:
    """Return new parameters, with old ones in place of None."""
    pairs = zip(old, new, strict=True)
    return FilterParameters(*(before if after is None else after for before, after in pairs))


def _of_design(bank: FilterBank) -> FilterParameters:
    def columns(wavelets: tuple[Wavelet, ...]) -> tuple[Any, Any]:
        xi, sigma, _ = np.array(wavelets, float).reshape(-1, 3).T
        return (xi, sigma) if wavelets else (None, None)

    T, F = (None if width in ("global", 0) else width for width in (bank.T, bank.F))
    wavelets = (bank.wavelets1, bank.wavelets2, bank.wavelets_fr)
    return FilterParameters(*(column for psis in wavelets for column in columns(psis)), T=T, F=F)


def checked(bank: FilterBank, parameters: Any) -> FilterParameters:
    """Return parameters as arrays of the precision and the shapes that `bank` has."""
    if not isinstance(parameters, FilterParameters):
        raise ValueError(
            f"parameters must be FilterParameters, got {type(parameters).__name__}; change the "
            f"result of filter_parameters(bank), for example with _replace."
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
                f"wavelets depend on each other, as they form a tight frame; use "
                f'normalize="l1".'
            )
        array = value if isinstance(value, jax.Array) else np.asarray(value)
        if array.shape != np.shape(own) or array.dtype.kind not in "fiu":
            raise ValueError(
                f"parameters.{name} must be real and of shape {np.shape(own)}, as in "
                f"filter_parameters(bank), got {array.dtype} of shape {array.shape}."
            )
        found.append(jnp.asarray(array, bank.dtype))
    return FilterParameters(*found)
