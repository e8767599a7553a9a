"""One second-order path, whose index may be traced: one compiled program serves all paths."""

import contextlib
import dataclasses
import operator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from . import _checks
from ._context import padded
from ._design import SecondOrder
from ._filterbank import FilterBank
from ._first_order import FirstOrder, first_order
from ._jit import jit
from ._level import of_any_level
from ._paths import joint_paths, require_joint
from ._products import product
from ._second_order import second_order


def jtfs_path(
    bank: FilterBank, x: Float[Array, "*batch time"], index: int | Int[Array, ""]
) -> Float[Array, "*batch band frame"]:
    """Compute one path of joint time–frequency scattering.

        jtfs_path(bank, x, p) = S2[p] = |U1 ⋆ ψ_α ⋆ ψ_β| ⋆ φ_T ⋆ φ_F     for the p-th path (α, β)

    This computes the whole first order, but only one wavelet ψ_n2 and one ψ_β of the second order,
    while `jtfs` computes all of them. `index` may be an argument of a compiled function, which then
    serves all paths: it has one branch per resolution of the second order, and runs only the branch
    that it needs. `jax.vmap` over indices runs all branches; `jax.lax.map` does not.

    Args:
        bank: Filters from `filterbank`, with `J_fr` and averaging: neither T nor F is 0.
        x: Real signals of `bank.n_samples` samples on the last axis; other axes are batch. They are
            cast to the precision of `bank`.
        index: Index of the path in `path_table`, from 0; the same for the whole batch. If it is an
            argument of a compiled function, it cannot be checked: an index beyond the last path
            selects the last path, and a negative index counts from the end.

    Returns:
        Coefficients `(*batch, band, frame)`, the same as `jtfs(bank, x).S2[..., index, :, :]`.

    Raises:
        ValueError: If `x` is not real or does not have `bank.n_samples` samples, if `bank` has no
            frequential wavelets or does not average, or if no path has this index.

    Example:
        >>> import jax, jax.numpy as jnp, jtfs_jax
        >>> bank = jtfs_jax.filterbank(256, J=5, Q=2, J_fr=2)
        >>> n_paths = len(jtfs_jax.path_table(bank))
        >>> index = jax.random.randint(jax.random.key(0), (), 0, n_paths)
        >>> jtfs_jax.jtfs_path(bank, jnp.ones(256), index).shape
        (3, 8)

    References:
        Mitcheltree, Lostanlen, Benetos & Lagrange, SCRAPL: Scattering Transform with Random Paths
        for Machine Learning, 2026, arXiv:2602.11145.

    See Also:
        jtfs: all paths.
        jtfs_jax.losses.path_distance: distance between two sounds in one path.
    """
    require_averages(bank)
    return _jtfs_path(bank, x, path_index(bank, index))


@jit
@jax.named_scope("jtfs_jax.jtfs_path")
def _jtfs_path(
    bank: FilterBank, x: Float[Array, "*batch time"], index: Int[Array, ""]
) -> Float[Array, "*batch band frame"]:
    x, batch = _checks.signal(x, bank.n_samples, bank.dtype)
    s2 = of_any_level(_path, x, bank, index)
    return s2.reshape(*batch, *s2.shape[-2:])


def _path(
    x: Float[Array, "*batch time"], bank: FilterBank, index: Int[Array, ""]
) -> Float[Array, "*batch band frame"]:
    return path_of_padded(padded(bank, x), bank, index)


def path_of_padded(
    x: Float[Array, "*batch time"], bank: FilterBank, index: Int[Array, ""]
) -> Float[Array, "*batch band frame"]:
    """Compute the path for signals with context."""
    return _path_of_first(bank, first_order(bank, x), index)


def path_and_low_pass(
    x: Float[Array, "*batch time"], bank: FilterBank, index: Int[Array, ""]
) -> tuple[Float[Array, "*batch band frame"], Float[Array, "*batch n1 frame"]]:
    """Compute the path and U1 ⋆ φ_T for signals with context."""
    first = first_order(bank, x)
    return _path_of_first(bank, first, index), first.low


def path_of_mean(
    bank: FilterBank,
    found: tuple[Float[Array, "*batch band frame"], Float[Array, "*batch n1 frame"]],
    index: Int[Array, ""],
) -> Float[Array, "*batch band frame"]:
    """Return a path for T="global", given the means of the path and of U1 (for α = 0)."""
    path, low = found
    branch, _, n_fr = jnp.asarray(_addresses(bank))[index]
    return jnp.where(branch == 0, _path_of_rows(bank, low, n_fr), path)


def _path_of_first(
    bank: FilterBank, first: FirstOrder, index: Int[Array, ""]
) -> Float[Array, "*batch band frame"]:
    branches = [partial(_path_of_low_pass, bank, first)]
    seconds = bank.tables.second
    branches += [partial(_path_of_wavelet, bank, first, second) for second in seconds]
    branch, member, n_fr = jnp.asarray(_addresses(bank))[index]
    return jax.lax.switch(branch, branches, member, n_fr)


def _addresses(bank: FilterBank) -> Int[np.ndarray, "path 3"]:
    """Return the branch that computes each path, the position of its ψ_n2 there, and its n_fr."""
    of_n2 = {-1: (0, 0)}
    for branch, second in enumerate(bank.tables.second, start=1):
        of_n2 |= {n2: (branch, member) for member, n2 in enumerate(second.group.members)}
    return np.array([(*of_n2[n2], n_fr) for n2, n_fr in joint_paths(bank)], np.int32)


def _path_of_low_pass(
    bank: FilterBank, first: FirstOrder, _: Int[Array, ""], n_fr: Int[Array, ""]
) -> Float[Array, "*batch band frame"]:
    """Compute a path with α = 0."""
    return _path_of_rows(bank, first.low, n_fr)


def _path_of_rows(
    bank: FilterBank, low: Float[Array, "*batch n1 frame"], n_fr: Int[Array, ""]
) -> Float[Array, "*batch band frame"]:
    psi = bank.tables.filters_fr.select(n_fr)
    return product(psi.average, psi.modulus_of_real(low))


def _path_of_wavelet(
    bank: FilterBank,
    first: FirstOrder,
    second: SecondOrder,
    member: Int[Array, ""],
    n_fr: Int[Array, ""],
) -> Float[Array, "*batch band frame"]:
    """Compute a path with one of the wavelets ψ_n2 of one resolution."""
    assert second.filters_fr is not None
    psi = second.filters_fr.select(n_fr)
    psi_hat = jax.lax.dynamic_slice_in_dim(second.group.psi_hat, member, 1)
    group = dataclasses.replace(second.group, psi_hat=psi_hat)
    of_member = dataclasses.replace(second, group=group)
    u = second_order(bank, of_member, first.u1_hats, psi.modulus_of_complex)
    return product(psi.average, u[..., 0, :, :])


def require_averages(bank: FilterBank) -> None:
    """Require averages over time and log-frequency, which give all paths the same shape."""
    require_joint(bank)
    if not bank.paths_share_shape:
        raise ValueError(
            f"bank must average over time and log-frequency, so that all paths have the same "
            f"shape, got T={bank.T} and F={bank.F}; set them to widths "
            f'or "global" in filterbank, or take a path from jtfs(bank, x).S2.'
        )


def path_index(bank: FilterBank, index: Any) -> Int[Array, ""]:
    """Return the index of a path, checked unless it is traced."""
    if _checks.is_traced(index) and index.ndim == 0 and jnp.issubdtype(index.dtype, jnp.integer):
        return index.astype(jnp.int32)
    with contextlib.suppress(TypeError):  # 0-d integer arrays are indices, too
        index = operator.index(index)
    return jnp.asarray(_checks.index("index", index, len(joint_paths(bank))), jnp.int32)
