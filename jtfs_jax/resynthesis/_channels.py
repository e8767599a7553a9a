"""Sounds of several channels: what their sums and differences tell of the image between them."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jtfs_jax._arrays import product


@dataclasses.dataclass(frozen=True)
class Interchannel:
    """A transform of all mixtures of the channels of sounds; see `interchannel`."""

    transform: Callable[..., Any]

    def __call__(
        self, bank: Any, x: Float[Array | np.ndarray, "*batch channel time"], *arguments: Any
    ) -> Any:
        """Coefficients whose axis after `*batch` counts mixtures."""
        return self.transform(bank, mixtures(x), *arguments)


def interchannel(transform: Callable[..., Any]) -> Interchannel:
    """A transform for sounds of several channels, which describes the image between them too.

    The transform of each channel alone does not depend on what the channels have in common. So it
    is applied to the mixtures

        x_a for each channel a,    (x_a + x_b) / √2 and (x_a − x_b) / √2 for each pair a < b

    which are left, right, mid and side for two channels. In each band, the energies of these are
    those of the channels and the real part of their cross-spectrum: so the coefficients tell how
    loud the band is in each channel, and how coherent the channels are.

    Args:
        transform: `jtfs`, `time_scattering`, `scalogram`, one of these as `segmented`, or any
            function of a filterbank and of signals `(*batch, time)`.

    Returns:
        A function of a filterbank and of sounds `(*batch, channel, time)`, which returns what the
        transform does for `(*batch, mixture, time)`, with the square of the number of channels as
        the number of mixtures. As the `transform` of `metamer` or `resynthesize` it gives sounds of
        as many channels. It raises a `ValueError` for signals without an axis of channels.

    Example:
        >>> import jax.numpy as jnp, jtfs_jax
        >>> bank = jtfs_jax.filterbank(1024, J=6, Q=4, J_fr=2)
        >>> left = jnp.sin(jnp.linspace(0.0, 300.0, 1024))
        >>> S = interchannel(jtfs_jax.jtfs)(bank, jnp.stack([left, 0.5 * left]))
        >>> S.S1.shape[0], [round(float(level), 2) for level in S.S1.sum((1, 2)) / S.S1[0].sum()]
        (4, [1.0, 0.5, 1.06, 0.35])

    See Also:
        jtfs_jax.analysis.interchannel_image: levels and coherence of the channels in each band.
    """
    return Interchannel(transform)


def mixtures(x: Float[Array | np.ndarray, "*batch channel time"]) -> Array:
    """The channels, and the sums and differences of each two, on one axis."""
    x = jnp.asarray(x)
    if x.ndim < 2 or x.shape[-2] == 0:
        raise ValueError(
            f"x must have the axes (*batch, channel, time), with at least one channel, but its "
            f"shape is {x.shape}; a sound of one channel is x[None]."
        )
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        x = x.astype(jnp.float32)
    first, second = np.triu_indices(x.shape[-2], 1)
    a, b = x[..., first, :], x[..., second, :]
    pairs = jnp.stack([a + b, a - b], axis=-2) / math.sqrt(2)
    pairs = pairs.reshape(*x.shape[:-2], 2 * len(first), x.shape[-1])
    return jnp.concatenate([x, pairs], axis=-2)


def n_channels(n_mixtures: int) -> int:
    """Number of channels that have so many mixtures."""
    n = math.isqrt(n_mixtures)
    if n**2 != n_mixtures:
        raise ValueError(
            f"s1 must have as many mixtures as the square of a number of channels, got "
            f"{n_mixtures}; compute it by a transform of interchannel."
        )
    return n


def root_of_covariance(
    amplitudes: Float[Array, "*batch mixture n1 node"],
) -> Float[Array, "*batch channel channel n1 node"]:
    """The symmetric root of the covariance between channels in each band, from their mixtures."""
    n = n_channels(amplitudes.shape[-3])
    if n == 1:
        return amplitudes[..., None, :, :]
    powers = jnp.moveaxis(jnp.square(amplitudes), -3, -1)
    common = (powers[..., n::2] - powers[..., n + 1 :: 2]) / 2
    covariance = jnp.zeros((*powers.shape[:-1], n, n), powers.dtype)
    covariance = covariance.at[..., np.arange(n), np.arange(n)].set(powers[..., :n])
    first, second = np.triu_indices(n, 1)
    covariance = covariance.at[..., first, second].set(common)
    covariance = covariance.at[..., second, first].set(common)
    # Coefficients are means of moduli, whose squares need not be those of any covariance.
    values, vectors = jnp.linalg.eigh(covariance)
    root = product(vectors * jnp.sqrt(jnp.maximum(values, 0))[..., None, :], vectors.mT)
    return jnp.moveaxis(root, (-2, -1), (-4, -3))
