"""How far sounds are from one another: the distances of their scalograms."""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jtfs_jax import _checks
from jtfs_jax._arrays import product
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._modulus import safe_divide, safe_sqrt

from ._noise import first_order


def mutual_distances(
    bank: FilterBank,
    y: Float[Array | np.ndarray, "sound *batch time"],
    *,
    interchannel: bool = False,
) -> Float[Array, "*batch sound sound"]:
    """Distances between the scalograms of each two sounds, relative to their norms.

    With S1(a) = |y_a ⋆ ψ_n1| ⋆ φ_T the scalogram of a sound, averaged over T,

        d(a, b) = ‖S1(a) − S1(b)‖ / √(½ ‖S1(a)‖² + ½ ‖S1(b)‖²)

    It is 0 for equal scalograms and √2 for those that have no band and frame in common. The T of
    `bank` says what is told apart. Metamers have the same averages over the T of their own
    filterbank, so that here it should be shorter: around 10 ms, what ears resolve. Over much less
    than that, any two noises differ, as their envelopes fluctuate.

    Args:
        bank: Filters from `filterbank`, of which those of the first order and φ_T serve.
        y: The sounds. Those that are not of `bank.n_samples` samples are taken in segments.
        interchannel: Whether `y (sound, *batch, channel, time)` has channels, whose scalograms
            are then those of one sound.

    Returns:
        Symmetric matrices, whose diagonals are 0. Two silent sounds are at 0.

    Raises:
        ValueError: If `y` has not the axes of sounds and time, or is not real.

    Example:
        >>> import jax, jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=6, Q=4)
        >>> y = jax.random.normal(jax.random.key(0), (3, 4096))
        >>> [round(float(d), 2) for d in mutual_distances(bank, y)[0]]
        [0.0, 0.23, 0.24]

    See Also:
        spread: makes them larger.
        jtfs_jax.losses.distance: between coefficients.
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
    """S1 of each sound, of all its channels, as a vector."""
    n_samples = None if y.shape[-1] == bank.n_samples else y.shape[-1]
    each = y.reshape(-1, *y.shape[2:]).astype(bank.dtype)
    return first_order(bank, each, n_samples).reshape(*y.shape[:2], -1)


def squared_distances(
    vectors: Float[Array, "target sound coefficient"],
) -> Float[Array, "target sound sound"]:
    """Squares of the distances of each two, divided by the mean of their squared norms."""
    # Divided by the peak first, lest squares of quiet sounds vanish.
    peak = jnp.abs(vectors).max(axis=(-2, -1), keepdims=True)
    vectors = vectors / jnp.where(peak > 0, peak, 1)
    powers = jnp.square(vectors).sum(axis=-1)
    # What all have in common would leave little but rounding of the differences of products.
    vectors = vectors - vectors.mean(axis=-2, keepdims=True)
    products = product(vectors, vectors.mT)
    own = jnp.diagonal(products, axis1=-2, axis2=-1)
    squares = own[..., :, None] + own[..., None, :] - 2 * products
    return safe_divide(jnp.maximum(squares, 0), (powers[..., :, None] + powers[..., None, :]) / 2)
