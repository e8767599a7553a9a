"""Mutual distances between sounds, measured on their scalograms."""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jtfs_jax import _checks
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._modulus import safe_divide, safe_sqrt
from jtfs_jax._products import product

from ._noise import first_order


def mutual_distances(
    bank: FilterBank,
    y: Float[Array | np.ndarray, "sound *batch time"],
    *,
    interchannel: bool = False,
) -> Float[Array, "*batch sound sound"]:
    """Distances between the scalograms of all pairs of sounds, relative to their norms.

    With S1(a) = |y_a ⋆ ψ_n1| ⋆ φ_T the scalogram of sound a, averaged over T,

        d(a, b) = ‖S1(a) − S1(b)‖ / √(½ ‖S1(a)‖² + ½ ‖S1(b)‖²)

    The distance is 0 for equal scalograms and √2 for scalograms that nowhere overlap. The T of
    `bank` sets the resolution. Metamers have the same averages over the T of their own filterbank,
    so T should be shorter here: around 10 ms, the resolution of the ear. With a much shorter T, any
    two noises differ, because their envelopes fluctuate.

    Args:
        bank: Filters from `filterbank`; only the first-order wavelets and φ_T are used.
        y: Real sounds. Unless they have `bank.n_samples` samples, they are processed in segments.
        interchannel: Whether `y` is `(sound, *batch, channel, time)`. The channels of a sound are
            then compared together, as one vector.

    Returns:
        Symmetric matrices with zero diagonals. The distance between two silent sounds is 0.

    Raises:
        ValueError: If `y` is empty, is not real, or lacks the axes of sounds and time.

    Example:
        >>> import jax, jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=6, Q=4)
        >>> y = jax.random.normal(jax.random.key(0), (3, 4096))
        >>> [round(float(d), 2) for d in mutual_distances(bank, y)[0]]
        [0.0, 0.23, 0.24]

    See Also:
        spread: increases these distances.
        jtfs_jax.losses.distance: distance between coefficients.
    """
    y = _checks.real_array("y", y)
    n_axes = 2 if interchannel else 1
    if y.ndim <= n_axes or y.size == 0:
        axes = "*batch, channel, time" if interchannel else "*batch, time"
        raise ValueError(
            f"y must have the axes (sound, {axes}), and at least one sound, but its shape is "
            f"{y.shape}; stack the sounds."
        )
    batch, signal = y.shape[1:-n_axes], y.shape[-n_axes:]
    found = scalograms(bank, y.reshape(len(y), math.prod(batch), *signal).swapaxes(0, 1))
    return safe_sqrt(squared_distances(found)).reshape(*batch, len(y), len(y))


def scalograms(
    bank: FilterBank, y: Float[Array, "target sound *channel time"]
) -> Float[Array, "target sound coefficient"]:
    """S1 of each sound, with all its channels, as a vector."""
    n_samples = None if y.shape[-1] == bank.n_samples else y.shape[-1]
    each = y.reshape(-1, *y.shape[2:]).astype(bank.dtype)
    return first_order(bank, each, n_samples).reshape(*y.shape[:2], -1)


def squared_distances(
    vectors: Float[Array, "target sound coefficient"],
) -> Float[Array, "target sound sound"]:
    """Squared distances of all pairs, each divided by the mean squared norm of the pair."""
    # Divide by the peak first, so that the squares of quiet sounds do not underflow.
    peak = jnp.abs(vectors).max(axis=(-2, -1), keepdims=True)
    vectors = vectors / jnp.where(peak > 0, peak, 1)
    powers = jnp.square(vectors).sum(axis=-1)
    # Subtract the mean: a large common part would leave mostly rounding errors in the differences.
    vectors = vectors - vectors.mean(axis=-2, keepdims=True)
    products = product(vectors, vectors.mT)
    own = jnp.diagonal(products, axis1=-2, axis2=-1)
    squares = own[..., :, None] + own[..., None, :] - 2 * products
    return safe_divide(jnp.maximum(squares, 0), (powers[..., :, None] + powers[..., None, :]) / 2)
