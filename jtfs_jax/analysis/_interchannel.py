"""The stereo image of a sound: level differences and correlation of its channels in each band."""

import itertools
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jtfs_jax import _checks
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._first_order import scalogram
from jtfs_jax._jit import jit
from jtfs_jax._modulus import safe_divide, safe_sqrt
from jtfs_jax._nodes import exportable


@exportable
class InterchannelImage(eqx.Module):
    """Stereo image of a two-channel sound, in each band and part of its duration.

    Attributes:
        level_difference: Level of the first channel relative to the second, in dB; 0 if both are
            silent, infinite if one is.
        correlation: Normalized correlation of the channels, from −1 to 1: 1 if they differ only by
            a gain, 0 if they are independent or one of them is silent, −1 if they have opposite
            signs.
        power: Mean power of both channels together.
    """

    level_difference: Float[Array, "*batch n1 part"]
    correlation: Float[Array, "*batch n1 part"]
    power: Float[Array, "*batch n1 part"]


def interchannel_image(
    bank: FilterBank, x: Float[Array | np.ndarray, "*batch 2 time"], *, n_parts: int = 1
) -> InterchannelImage:
    """Level difference and correlation of two channels in each band.

    With W_a = x_a ⋆ ψ_n1, and ⟨·⟩ a mean over a part of the duration,

        level difference = 10 log10(⟨|W_1|²⟩ / ⟨|W_2|²⟩)
        correlation      = Re⟨W_1 W_2*⟩ / √(⟨|W_1|²⟩ ⟨|W_2|²⟩)

    Args:
        bank: Filters from `filterbank`; only the first-order wavelets are used.
        x: Two-channel sounds, with `bank.n_samples` samples on the last axis.
        n_parts: Number of parts, as equal as possible, into which the duration is divided.

    Returns:
        The image in each band and part, for each sound.

    Raises:
        ValueError: If `x` does not have two channels, is not real or does not have
            `bank.n_samples` samples, or if `n_parts` is not between 1 and the number of samples.

    Example:
        >>> import jax.numpy as jnp, jtfs_jax
        >>> bank = jtfs_jax.filterbank(1024, J=6, Q=4)
        >>> x = jnp.sin(jnp.linspace(0.0, 300.0, 1024))
        >>> image = interchannel_image(bank, jnp.stack([x, -0.1 * x]))
        >>> loudest = image.power.argmax()
        >>> level, correlation = image.level_difference[loudest, 0], image.correlation[loudest, 0]
        >>> float(level.round()), float(correlation.round())
        (20.0, -1.0)

    References:
        Breebaart et al., Parametric coding of stereo audio, 2005, section 2: level differences and
        coherence in bands describe where and how wide a sound is heard.

    See Also:
        jtfs_jax.resynthesis.interchannel: coefficients that determine both.
    """
    x = jnp.asarray(x)
    if x.ndim < 2 or x.shape[-2] != 2:
        raise ValueError(
            f"x must have two channels, on the axes (*batch, 2, time), but its shape is {x.shape}; "
            f"choose two channels."
        )
    _checks.positive_integer("n_parts", n_parts)
    if n_parts > x.shape[-1]:
        raise ValueError(
            f"n_parts must be at most the number of samples, {x.shape[-1]}, got {n_parts}."
        )
    return _image(bank, x, n_parts)


@partial(jit, static_argnums=2)
@jax.named_scope("jtfs_jax.analysis.interchannel_image")
def _image(bank: FilterBank, x: Float[Array, "*batch 2 time"], n_parts: int) -> InterchannelImage:
    edges = np.round(np.linspace(0, x.shape[-1], n_parts + 1)).astype(int)
    both = x.astype(bank.dtype)
    sums = jnp.stack([both[..., 0, :] + both[..., 1, :], both[..., 0, :] - both[..., 1, :]], -2)
    # Divide by the peak, so that the squares of a quiet sound do not underflow.
    peak = jnp.abs(both).max(axis=(-2, -1), keepdims=True)
    peak = jnp.where(peak > 0, peak, 1)
    u1 = scalogram(bank, jnp.concatenate([both, sums], axis=-2) / peak)
    powers = [jnp.square(u1[..., a:b]).mean(axis=-1) for a, b in itertools.pairwise(edges)]
    power = jnp.stack(powers, axis=-1)
    first, second, mid, side = jnp.moveaxis(power, -3, 0)
    is_silent = (first == 0) & (second == 0)
    ratio = jnp.where(is_silent, 1, first) / jnp.where(is_silent, 1, second)
    correlation = safe_divide((mid - side) / 4, safe_sqrt(first) * safe_sqrt(second))
    return InterchannelImage(
        level_difference=10 * jnp.log10(ratio),
        correlation=jnp.clip(correlation, -1, 1),
        power=(first + second) * jnp.square(peak),
    )
