"""Edits of coefficients that make targets for resynthesis."""

from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Real

from jtfs_jax import _checks
from jtfs_jax._arrays import of_rank
from jtfs_jax._coefficients import (
    JointScattering,
    TimeScattering,
    map_paths,
    reorder_paths,
    require_paths,
)
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._jit import jit
from jtfs_jax._paths import opposite_spin

Scattering = TypeVar("Scattering", JointScattering, TimeScattering)


@jit
@jax.named_scope("jtfs_jax.resynthesis.swap_spins")
def swap_spins(bank: FilterBank, S: JointScattering) -> JointScattering:
    """Exchange the coefficients of rising and falling paths.

    Each path of spin +1 trades places with the path of spin −1 of the same rate and scale. S0, S1
    and the paths of spin 0 stay unchanged, and so do frequencies, rates and scales. The function is
    its own inverse.

    If averages are over the whole signal, the result is the coefficients of the time-reversed
    signal. With a shorter T, it is as if each stretch of about T were reversed in place.

    Args:
        bank: The filters that `S` was computed with.
        S: Coefficients of `jtfs`, with any batch axes.

    Returns:
        Coefficients of the same shapes.

    Raises:
        ValueError: At trace time, if `S` was not computed with `bank`.

    Example:
        >>> import jax.numpy as jnp, jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=8, Q=8, J_fr=3)
        >>> S = jtfs_jax.jtfs(bank, jnp.sin(jnp.linspace(0.0, 60.0, 4096) ** 2))
        >>> rises = jtfs_jax.path_table(bank).spin == 1
        >>> falling = swap_spins(bank, S)
        >>> bool(S.S2[rises].sum() > falling.S2[rises].sum())
        True

    References:
        Chirp reversal in `scattering.m`, research folder dafx19: Lostanlen & Hecker, The Shape of
        RemiXXXes to Come, 2019, arXiv:1906.09334.

    See Also:
        scale_paths: amplifies or attenuates paths.
    """
    index = {path: number for number, path in enumerate(require_paths(bank, S))}
    order = [index[n2, opposite_spin(bank, n_fr) if n2 >= 0 else n_fr] for n2, n_fr in index]
    return JointScattering(S.S0, S.S1, reorder_paths(S, order))


@jit
@jax.named_scope("jtfs_jax.resynthesis.scale_paths")
def scale_paths(
    bank: FilterBank, S: JointScattering, gain: Real[Array | np.ndarray, " path"]
) -> JointScattering:
    """Multiply each second-order path by a gain.

    The columns of `path_table` describe the paths: compare them with values to make a mask, or
    compute gains from them. S0 and S1 stay unchanged: only the modulations of the bands change.

    Args:
        bank: The filters that `S` was computed with.
        S: Coefficients of `jtfs`, with any batch axes.
        gain: Factors, one per path in the order of `path_table`; False or 0 removes a path. They
            should not be negative, because S2 is not negative for any sound.

    Returns:
        Coefficients of the same shapes.

    Raises:
        ValueError: At trace time, if `S` was not computed with `bank`, or `gain` is not an array of
            real numbers with one value per path.

    Example:
        >>> import jax.numpy as jnp, jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=8, Q=8, J_fr=3)
        >>> S = jtfs_jax.jtfs(bank, jnp.sin(jnp.linspace(0.0, 60.0, 4096) ** 2))
        >>> table = jtfs_jax.path_table(bank, sample_rate=4000.0)
        >>> slow = scale_paths(bank, S, table.rate < 40.0)
        >>> never_falling = scale_paths(bank, S, table.spin >= 0)
        >>> boosted = scale_paths(bank, S, jnp.where(abs(table.rate - 60.0) < 30.0, 2.0, 1.0))
        >>> coarse = scale_paths(bank, S, 1 / (1 + table.scale))

    See Also:
        swap_spins: exchanges paths.
        path_table: rates, scales and spins of the paths.
        losses.path_weights: weights of paths in a loss, which leave the coefficients unchanged.
    """
    paths = require_paths(bank, S)
    if not isinstance(gain, jax.Array) or gain.shape != (len(paths),):
        found = f"shape {gain.shape}" if isinstance(gain, jax.Array) else type(gain).__name__
        raise ValueError(
            f"gain must be an array of shape ({len(paths)},), one value per path, got {found}; "
            f"compute it from the columns of path_table(bank)."
        )
    if jnp.issubdtype(gain.dtype, jnp.complexfloating):
        raise ValueError(f"gain must have real numbers, got dtype {gain.dtype}; convert it first.")
    S = _checks.coefficients("S", S)

    def scaled(s2: Array, gain: Array) -> Array:
        return s2 * gain.astype(s2.dtype)

    return JointScattering(S.S0, S.S1, map_paths(scaled, S, gain))


@jit
@jax.named_scope("jtfs_jax.resynthesis.morph")
def morph(
    S_a: Scattering,
    S_b: Scattering,
    amount: float | Float[Array | np.ndarray, ""] | Float[Array | np.ndarray, " frame"],
) -> Scattering:
    """Interpolate between the coefficients of two sounds.

        S = (1 − amount) S_a + amount S_b

    Averages over time are linear. If, within T, a sound is `a` for a fraction of the time and `b`
    for the rest, it has about these coefficients (at most these for α = 0 and β > 0). Therefore
    they can be resynthesized. Geometric means, which correspond to equal steps in decibels, cannot:
    they lose whatever either sound lacks. They also have no derivative at 0.

    Halfway, the louder sound dominates: scale both to the same norm to avoid this.

    Args:
        S_a: Coefficients of `jtfs` or `time_scattering`, with any batch axes.
        S_b: Coefficients of the same shapes, from the same filterbank.
        amount: 0 for `S_a`, 1 for `S_b`, or a number in between for all frames; or one number per
            frame, to move from one sound to the other over time. Values outside [0, 1] are allowed,
            but S1 and S2 may then be negative, which is impossible for a sound.

    Returns:
        Coefficients of the same shapes. For several amounts at once, use
        `jax.vmap(morph, in_axes=(None, None, 0))`.

    Raises:
        ValueError: At trace time, if `S_a` and `S_b` differ in structure or shapes, or `amount` is
            neither one number nor one per frame.

    Example:
        >>> import jax.numpy as jnp, jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=8, Q=8, J_fr=3)
        >>> t = jnp.linspace(0.0, 60.0, 4096)
        >>> S_a, S_b = jtfs_jax.jtfs(bank, jnp.sin(t**2)), jtfs_jax.jtfs(bank, jnp.sin(9 * t))
        >>> halfway = morph(S_a, S_b, 0.5)
        >>> crossfade = morph(S_a, S_b, jnp.linspace(0.0, 1.0, 16))
        >>> crossfade.S2.shape
        (59, 7, 16)
    """
    if jax.tree.structure(S_a) != jax.tree.structure(S_b):
        raise ValueError(
            f"S_b must have the paths of S_a, a {type(S_a).__name__}, got a {type(S_b).__name__} "
            f"of another structure; compute both with the same transform and filterbank."
        )
    S_a, S_b = _checks.coefficients("S_a", S_a), _checks.coefficients("S_b", S_b)
    amount = jnp.asarray(amount)
    for a, b in zip(jax.tree.leaves(S_a), jax.tree.leaves(S_b), strict=True):
        if a.shape != b.shape:
            raise ValueError(
                f"S_b must have the shapes of S_a, got {b.shape} where S_a has {a.shape}; "
                f"compute both with the same filterbank, from the same number of sounds."
            )
        if amount.shape not in ((), a.shape[-1:]):
            raise ValueError(
                f"amount must be a number, or one for each of {a.shape[-1]} frames, got shape "
                f"{amount.shape}; use jax.vmap for several amounts, and one number if T=0, because "
                f"paths then differ in their frames."
            )

    def between(a: Array, b: Array) -> Array:
        weight = amount.astype(a.dtype)
        if amount.ndim:
            weight = of_rank(weight, a.ndim)
        return (1 - weight) * a + weight * b

    return jax.tree.map(between, S_a, S_b)
