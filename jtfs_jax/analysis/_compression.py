"""Compression and normalization of coefficients: fit constants once, then apply them."""

from collections.abc import Callable
from functools import partial
from typing import Literal, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jtfs_jax import _checks
from jtfs_jax._arrays import of_rank
from jtfs_jax._coefficients import (
    JointScattering,
    TimeScattering,
    by_path,
    is_by_path,
    map_paths,
    n_paths,
    require_coefficients,
    stacked,
)
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._jit import jit
from jtfs_jax._modulus import safe_divide, safe_sqrt
from jtfs_jax._nodes import exportable
from jtfs_jax._path_tables import path_table

Scattering = TypeVar("Scattering", bound=JointScattering | TimeScattering)
Coefficients = TypeVar("Coefficients")

_ALL = np.ones((), bool)


@exportable
class PathConstants(eqx.Module):
    """One number per path, as returned by `fit_levels` and `fit_standardization`.

    Attributes:
        S0: One number for the zeroth order.
        S1: One number per first-order wavelet.
        S2: One number per second-order path.
    """

    S0: Float[Array, ""]
    S1: Float[Array, " n1"]
    S2: Float[Array, " path"]


@exportable
class Standardization(eqx.Module):
    """Mean and standard deviation of each path, as returned by `fit_standardization`."""

    mean: PathConstants
    std: PathConstants


def log_compress(S: Coefficients, level: float | Float[Array, ""]) -> Coefficients:
    """Logarithmic compression with one level for all coefficients: log(1 + S / level).

    It is linear well below the level and logarithmic well above it; its derivative at 0 is
    1 / level. It is odd, so negative coefficients, which S0 may have, keep their sign.

    Args:
        S: Coefficients: an array, or a pytree of arrays such as the result of `jtfs`.
        level: Positive level, in the units of `S`.

    Returns:
        Compressed coefficients, with the structure of `S`.

    Raises:
        ValueError: If `level` is not positive, unless it is traced.

    Example:
        >>> import jax.numpy as jnp
        >>> log_compress(jnp.array([0.0, 1e-3, 1.0]), 1e-3).round(2)
        Array([0.  , 0.69, 6.91], dtype=float32)

    References:
        Han, Lostanlen & Lagrange, Perceptual–Neural–Physical Sound Matching, 2023,
        arXiv:2301.02886, where the level is 1e-3.

    See Also:
        mu_log: the same with one level per path.
    """
    _checks.positive_if_known("level", level)
    return _log_compress(_checks.coefficients("S", S), level)


@jit
@jax.named_scope("jtfs_jax.analysis.log_compress")
def _log_compress(S: Coefficients, level: float | Float[Array, ""]) -> Coefficients:
    return jax.tree.map(lambda s: _log1p(s / jnp.asarray(level, s.dtype)), S)


@partial(jit, static_argnames="statistic")
@jax.named_scope("jtfs_jax.analysis.fit_levels")
def fit_levels(
    bank: FilterBank,
    S: JointScattering | TimeScattering,
    *,
    statistic: Literal["mean", "median"] = "mean",
) -> PathConstants:
    """Fit the level of each path over a set of sounds: the mean or median magnitude.

        µ(λ₂) = mean over sounds n, bands λ and frames t of |Sₙ(λ₂, λ, t)|

    The mean or median is over all batch axes, over frames, and, in the second order, over the bands
    that first-order wavelets feed. For sets that do not fit in memory, average the means of several
    batches of the same size with `jax.tree.map`.

    Args:
        bank: The filters that `S` was computed with.
        S: Coefficients of `jtfs` or `time_scattering` of the sounds.
        statistic: "mean", or "median", which is robust to single loud sounds.

    Returns:
        One level per path, for `mu_log`.

    Raises:
        ValueError: At trace time, if `S` was not computed with `bank`, or `statistic` is neither
            "mean" nor "median".

    References:
        Muradeli et al., Differentiable Time–Frequency Scattering on GPU, 2022, equation 9,
        arXiv:2204.08269; for the median, Andén, Lostanlen & Mallat, Joint Time–Frequency
        Scattering, 2019, section VI, arXiv:1807.08869.

    See Also:
        mu_log: applies the levels.
    """
    if statistic not in ("mean", "median"):
        raise ValueError(f'statistic must be "mean" or "median", got {statistic!r}.')
    reduce = _mean if statistic == "mean" else _median
    return _reduce(bank, jax.tree.map(jnp.abs, _checks.coefficients("S", S)), reduce)


def mu_log(
    S: Scattering, levels: PathConstants, *, epsilon: float | Float[Array, ""] = 0.1
) -> Scattering:
    """Logarithmic compression with one level per path: log(1 + S(λ₂) / (ε µ(λ₂))).

    It brings the histogram of each path closer to a Gaussian, and all paths to the same scale.

    Args:
        S: Coefficients of `jtfs` or `time_scattering`, with any batch axes.
        levels: Levels µ, from `fit_levels`. Paths with a level of 0 become 0.
        epsilon: Fraction ε of µ above which compression is logarithmic, positive.

    Returns:
        Compressed coefficients, with the structure of `S`.

    Raises:
        ValueError: If `S` and `levels` differ in their number of paths, or `epsilon` is not
            positive, unless it is traced.

    Example:
        >>> import jax, jax.numpy as jnp, jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=8, Q=8, J_fr=3)
        >>> S = jtfs_jax.jtfs(bank, jax.random.normal(jax.random.key(0), (3, 4096)))
        >>> compressed = mu_log(S, fit_levels(bank, S))
        >>> features = standardize(compressed, fit_standardization(bank, compressed))
        >>> features.S2.shape
        (3, 59, 7, 16)

    References:
        Muradeli et al., Differentiable Time–Frequency Scattering on GPU, 2022, equation 10,
        arXiv:2204.08269.

    See Also:
        standardize: the next step.
    """
    _checks.positive_if_known("epsilon", epsilon)
    return _mu_log(_checks.coefficients("S", S), levels, epsilon)


@jit
@jax.named_scope("jtfs_jax.analysis.mu_log")
def _mu_log(S: Scattering, levels: PathConstants, epsilon: float | Float[Array, ""]) -> Scattering:
    def compress(s: Array, mu: Array) -> Array:
        level = jnp.asarray(epsilon, s.dtype) * mu
        return _log1p(safe_divide(s, level))

    return _apply(compress, S, levels)


@jit
@jax.named_scope("jtfs_jax.analysis.fit_standardization")
def fit_standardization(bank: FilterBank, S: JointScattering | TimeScattering) -> Standardization:
    """Fit the mean and standard deviation of each path over a set of sounds.

    They are taken over the same coefficients as in `fit_levels`.

    Args:
        bank: The filters that `S` was computed with.
        S: Coefficients of `jtfs` or `time_scattering` of the sounds, usually compressed.

    Returns:
        Constants for `standardize`.

    Raises:
        ValueError: At trace time, if `S` was not computed with `bank`.

    See Also:
        standardize: applies the constants.
        mu_log: has an example.
    """
    S = _checks.coefficients("S", S)
    mean = _reduce(bank, S, _mean)
    squares = jax.tree.map(jnp.square, _apply(jnp.subtract, S, mean))
    return Standardization(mean, jax.tree.map(safe_sqrt, _reduce(bank, squares, _mean)))


@jit
@jax.named_scope("jtfs_jax.analysis.standardize")
def standardize(S: Scattering, constants: Standardization) -> Scattering:
    """Standardize coefficients to mean 0 and standard deviation 1 in each path.

    Args:
        S: Coefficients of `jtfs` or `time_scattering`, with any batch axes.
        constants: Result of `fit_standardization`. Paths that were constant in that set become 0.

    Returns:
        Standardized coefficients, with the structure of `S`. Bands of S2 that no first-order
        wavelet feeds change from 0 to a constant.

    Raises:
        ValueError: At trace time, if `S` and `constants` differ in their number of paths.

    See Also:
        mu_log: the previous step.
    """

    def scale(s: Array, mean: Array, std: Array) -> Array:
        return safe_divide(s - mean, std)

    return _apply(scale, _checks.coefficients("S", S), constants.mean, constants.std)


def _log1p(s: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    # A product of the sign and a function of the modulus would have no derivative at 0.
    return jnp.log1p(jnp.where(s < 0, 0, s)) - jnp.log1p(jnp.where(s < 0, -s, 0))


def _mean(values: Float[Array, "*shape"], axes: tuple[int, ...], live: np.ndarray) -> Array:
    # Average differences from the first value: sums of many equal numbers are not exact.
    first = tuple(slice(1) if axis in axes else slice(None) for axis in range(values.ndim))
    origin = jax.lax.stop_gradient(values[first])
    is_live = jnp.asarray(np.broadcast_to(live, values.shape))
    return jnp.mean(values - origin, axes, where=is_live) + origin.squeeze(axes)


def _median(values: Float[Array, "*shape"], axes: tuple[int, ...], live: np.ndarray) -> Array:
    return jnp.nanmedian(jnp.where(np.broadcast_to(live, values.shape), values, jnp.nan), axes)


def _reduce(
    bank: FilterBank, S: JointScattering | TimeScattering, statistic: Callable[..., Array]
) -> PathConstants:
    """Compute a statistic of each path over the batch, the frames and the live bands."""
    require_coefficients(bank, S)

    def reduce(s: Array, path_axis: int | None = None, live: np.ndarray = _ALL) -> Array:
        axes = tuple(axis for axis in range(s.ndim) if axis - s.ndim != path_axis)
        return statistic(s, axes, live)

    if is_by_path(S.S2):
        s2 = jnp.stack([reduce(s2) for s2 in by_path(bank, S).values()])
    elif isinstance(S, JointScattering):
        s2 = stacked(S.S2)
        live = np.arange(s2.shape[-2]) < path_table(bank).n_rows[:, None]
        s2 = reduce(s2, -3, live[:, :, None])
    else:
        s2 = reduce(stacked(S.S2), -2)
    return PathConstants(S0=reduce(S.S0), S1=reduce(S.S1, -2), S2=s2)


def _apply(function: Callable[..., Array], S: Scattering, *constants: PathConstants) -> Scattering:
    """Apply a function to each coefficient and the constants of its path."""
    expected, found = len(constants[0].S2), n_paths(S)
    if (len(constants[0].S1), expected) != (S.S1.shape[-2], found):
        raise ValueError(
            f"S must have as many paths as the constants, {expected}, got {found}; use the "
            f"filterbank and the transform that the constants were fitted with."
        )
    return type(S)(
        S0=function(S.S0, *(constant.S0 for constant in constants)),
        S1=function(S.S1, *(of_rank(constant.S1[:, None], S.S1.ndim) for constant in constants)),
        S2=map_paths(function, S, *(constant.S2 for constant in constants)),
    )
