"""The second order as tensors with axes for scale and rate, for convnets and plots."""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jtfs_jax._coefficients import JointScattering, require_paths, stacked
from jtfs_jax._coordinates import band_frequencies, frame_times
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._jit import jit
from jtfs_jax._nodes import exportable
from jtfs_jax._path_tables import path_table
from jtfs_jax._paths import joint_paths, with_spin


@exportable
class PackedScattering(eqx.Module):
    """The second order of `jtfs` as tensors, as returned by `pack`.

    Attributes:
        joint: Paths with α > 0. Rates run from low to high. Scales are signed by their spin and
            run from the finest scale of spin −1 through β = 0 to the finest scale of spin +1.
        low_pass: Paths with α = 0, which have no spin. Scales run from β = 0 to the finest.
    """

    joint: Float[Array, "*batch scale rate band frame"]
    low_pass: Float[Array, "*batch unsigned_scale band frame"]


@dataclass(frozen=True, eq=False)
class PackedAxes:
    """Coordinates along the axes of `PackedScattering`, as returned by `packed_axes`.

    Attributes:
        scale: Scales in cycles/octave, from negative (falling) through 0 to positive (rising).
        rate: Rates in Hz or cycles/sample, from low to high.
        frequency: Center frequencies of the bands in Hz or cycles/sample, from high to low.
        time: Center times of the frames in seconds or samples.
        unsigned_scale: Scales of `low_pass` in cycles/octave, from 0 upward.
    """

    scale: Float[np.ndarray, " scale"]
    rate: Float[np.ndarray, " rate"]
    frequency: Float[np.ndarray, " band"]
    time: Float[np.ndarray, " frame"]
    unsigned_scale: Float[np.ndarray, " unsigned_scale"]


@jit
@jax.named_scope("jtfs_jax.analysis.pack")
def pack(bank: FilterBank, S: JointScattering) -> PackedScattering:
    """Pack the second order into tensors with axes for scale, rate, log-frequency and time.

    Neighbors along each axis are neighbors in its unit, so the tensors can be convolved along any
    axis. Paths with α = 0 respond equally to both spins and are kept separate.

    Args:
        bank: The filters that `S` was computed with; neither T nor F may be 0.
        S: Coefficients of `jtfs`, with any batch axes.

    Returns:
        `joint (*batch, scale, rate, band, frame)` and `low_pass (*batch, unsigned_scale, band,
        frame)`, which together contain each coefficient of S2 once.

    Raises:
        ValueError: At trace time, if `S` was not computed with `bank`, or if its paths differ in
            shape (T=0 or F=0).

    Example:
        >>> import jax.numpy as jnp, jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=8, Q=8, J_fr=3)
        >>> S = jtfs_jax.jtfs(bank, jnp.ones(4096))
        >>> packed = pack(bank, S)
        >>> packed.joint.shape, packed.low_pass.shape
        ((9, 6, 7, 16), (5, 7, 16))
        >>> channels = packed.joint.reshape(9 * 6, 7, 16)  # for a convnet over (band, frame)

    References:
        Muradeli et al., Differentiable Time–Frequency Scattering on GPU, 2022, section 4.2,
        arXiv:2204.08269, for tensors as inputs of convnets.

    See Also:
        unpack: the inverse.
        packed_axes: coordinates.
    """
    require_paths(bank, S)
    if not bank.paths_share_shape:
        raise ValueError(
            f"bank must average in time and in frequency, so that paths have the same shape, got "
            f"T={bank.T!r} and F={bank.F!r}; give both a width."
        )
    joint, low_pass = _layout(bank)
    s2 = stacked(S.S2)
    return PackedScattering(joint=s2[..., joint, :, :], low_pass=s2[..., low_pass, :, :])


@jit
@jax.named_scope("jtfs_jax.analysis.unpack")
def unpack(bank: FilterBank, packed: PackedScattering) -> Float[Array, "*batch path band frame"]:
    """Unpack S2 from its tensors: the inverse of `pack`.

    Args:
        bank: The filters that the coefficients were computed with.
        packed: The result of `pack`.

    Returns:
        S2, in the order of `path_table`.

    Raises:
        ValueError: At trace time, if the tensors do not have the scales and rates of `bank`.
    """
    joint, low_pass = _layout(bank)
    found = packed.joint.shape[-4:-2], packed.low_pass.shape[-3:-2]
    if found != (joint.shape, low_pass.shape):
        raise ValueError(
            f"packed must have {joint.shape[0]} scales and {joint.shape[1]} rates, and "
            f"{low_pass.shape[0]} scales of α = 0, but its shapes are {packed.joint.shape} and "
            f"{packed.low_pass.shape}; pass the filterbank that it was packed with."
        )
    *batch, _, _, n_bands, n_frames = packed.joint.shape
    flat = packed.joint.reshape(*batch, joint.size, n_bands, n_frames)
    paths = jnp.concatenate([packed.low_pass, flat], axis=-3)
    return paths[..., np.argsort(np.concatenate([low_pass, joint.ravel()])), :, :]


def packed_axes(bank: FilterBank, *, sample_rate: float | None = None) -> PackedAxes:
    """Coordinates along the axes of `pack`.

    Args:
        bank: Filters from `filterbank`, with `J_fr`.
        sample_rate: Sample rate in Hz. If None, rates and frequencies are in cycles/sample, and
            times in samples.

    Returns:
        One array per axis: see `PackedAxes`.

    Raises:
        ValueError: If `bank` has no frequential wavelets, or `sample_rate` is not positive.

    Example:
        >>> import jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=8, Q=8, J_fr=3)
        >>> packed_axes(bank).scale.round(1)
        array([-2.8, -1.4, -0.7, -0.4,  0. ,  0.4,  0.7,  1.4,  2.8])
    """
    table = path_table(bank, sample_rate=sample_rate)
    joint, low_pass = _layout(bank)
    return PackedAxes(
        scale=(table.spin * table.scale)[joint[:, 0]],
        rate=table.rate[joint[0]],
        frequency=band_frequencies(bank, sample_rate=sample_rate),
        time=frame_times(bank, sample_rate=sample_rate),
        unsigned_scale=table.scale[low_pass],
    )


def _layout(bank: FilterBank) -> tuple[Int[np.ndarray, "scale rate"], Int[np.ndarray, " scale"]]:
    """Indices of the paths in `joint` and in `low_pass`."""
    index = {path: number for number, path in enumerate(joint_paths(bank))}
    rates = sorted({n2 for n2, _ in index} - {-1}, reverse=True)
    # Both spins run from the finest scale to the coarsest.
    rising = with_spin(bank, 1)
    scales = [*with_spin(bank, -1), 0, *reversed(rising)]
    joint = np.array([[index[n2, n_fr] for n2 in rates] for n_fr in scales], dtype=int)
    return joint, np.array([index[-1, n_fr] for n_fr in (0, *reversed(rising))])
