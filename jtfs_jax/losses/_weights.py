"""Weights of coefficients: by order, by kind of path, by path."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Real

from jtfs_jax import _checks
from jtfs_jax._coefficients import JointScattering
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._nodes import ByPath
from jtfs_jax._path_tables import path_table
from jtfs_jax._paths import KINDS, joint_paths

Weight = float | Real[Array | np.ndarray, "..."]


@jax.ensure_compile_time_eval()  # weights computed inside `jit` can be kept for later calls
def path_weights(
    bank: FilterBank,
    *,
    S0: float | Array = 1.0,
    S1: Weight = 1.0,
    S2: Weight | Mapping[str, float | Array] = 1.0,
) -> JointScattering:
    """Weights of the coefficients of `jtfs`, for the distances and for `resynthesize`.

    The columns of `path_table` describe the paths: compare them with values to make masks, or
    compute weights from them.

    Args:
        bank: Filters from `filterbank`, with `J_fr`.
        S0: Weight of the zeroth order.
        S1: Weight of the first order: one number, or an array with one weight per wavelet.
        S2: Weight of the second order: one number; a mapping from the `kind` of a path to a number,
            which is 1 for kinds not named; or an array with one weight per path, in the order of
            `path_table`.

    Returns:
        Weights that broadcast to the coefficients of `jtfs`.

    Raises:
        ValueError: If `bank` has no frequential wavelets, a kind is unknown, or weights are not
            real or differ in number from the paths or wavelets.

    Example:
        >>> import jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=8, Q=8, J_fr=3)
        >>> table = jtfs_jax.path_table(bank, sample_rate=4000.0)
        >>> joint_only = path_weights(bank, S0=0, S1=0, S2={"phi_t*phi_f": 0, "phi_t*psi_f": 0})
        >>> slow_only = path_weights(bank, S2=table.rate < 40.0)
        >>> slow_only.S2.shape
        (59, 1, 1)

    See Also:
        distance, resynthesis.resynthesize: take these weights.
        resynthesis.scale_paths: multiplies coefficients by gains.
    """
    table = path_table(bank)
    if isinstance(S2, Mapping):
        for name in S2:
            _checks.choice("kinds in S2", name, KINDS)
        S2 = jnp.stack([jnp.asarray(S2.get(kind, 1.0), bank.dtype) for kind in table.kind.tolist()])
    weights2 = _one_each("S2", S2, len(table), "path", bank.dtype)
    weights1 = _one_each("S1", S1, len(bank.wavelets1), "first-order wavelet", bank.dtype)
    return JointScattering(
        S0=jnp.asarray(S0, bank.dtype),
        S1=weights1[:, None] if weights1.ndim else weights1,
        S2=_along_paths(bank, weights2) if weights2.ndim else weights2,
    )


def _along_paths(bank: FilterBank, values: Real[Array, " path"]) -> Any:
    """One number per path, to broadcast with the S2 of `jtfs`."""
    if bank.paths_share_shape:
        return values[:, None, None]
    return ByPath(zip(joint_paths(bank), values, strict=True))


def _one_each(name: str, value: Any, n: int, of: str, dtype: np.dtype) -> Array:
    """One number for all, or an array with one number for each path or wavelet."""
    is_mask = getattr(value, "dtype", None) == np.bool_
    array = _checks.real_array(name, value.astype(int) if is_mask else value).astype(dtype)
    if array.shape not in ((), (n,)):
        raise ValueError(
            f"{name} must be a number or an array of shape ({n},), one value per {of}, got shape "
            f"{array.shape}; compute it from this filterbank."
        )
    return array
