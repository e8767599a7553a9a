"""Multichannel sounds: transforms of the sums and differences of channels."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jtfs_jax._products import product


@dataclasses.dataclass(frozen=True)
class Interchannel:
    """A transform applied to all mixtures of the channels of a sound; see `interchannel`."""

    transform: Callable[..., Any]

    def __call__(
        self, bank: Any, x: Float[Array | np.ndarray, "*batch channel time"], *arguments: Any
    ) -> Any:
        """Return coefficients whose axis after `*batch` indexes mixtures."""
        return self.transform(bank, mixtures(x), *arguments)


def interchannel(transform: Callable[..., Any]) -> Interchannel:
    """Adapt a transform to multichannel sounds, including the relations between the channels.

    Transforms of the separate channels do not depend on what the channels have in common. Therefore
    the transform is applied to the mixtures

        x_a for each channel a,    (x_a + x_b) / √2 and (x_a − x_b) / √2 for each pair a < b

    which are left, right, mid and side for two channels. In each band, the energies of the mixtures
    determine the energies of the channels and the real part of their cross-spectrum, so the
    coefficients describe the level of the band in each channel and the coherence of the channels.

    Args:
        transform: `jtfs`, `time_scattering`, `scalogram`, the `segmented` version of one of these,
            or any function of a filterbank and of signals `(*batch, time)`.

    Returns:
        A function of a filterbank and of sounds `(*batch, channel, time)`, which returns the
        transform of the mixtures `(*batch, mixture, time)`. The number of mixtures is the square of
        the number of channels. With this function as their `transform`, `metamer` and
        `resynthesize` return sounds with as many channels as the target. The function raises a
        `ValueError` for signals without a channel axis.

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
    """The channels, then the sum and the difference of each pair, on one axis."""
    x = jnp.asarray(x)
    if x.ndim < 2 or x.shape[-2] == 0:
        raise ValueError(
            f"x must have the axes (*batch, channel, time), with at least one channel, but its "
            f"shape is {x.shape}; use x[None] for a sound with one channel."
        )
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        x = x.astype(jnp.float32)
    first, second = np.triu_indices(x.shape[-2], 1)
    a, b = x[..., first, :], x[..., second, :]
    pairs = jnp.stack([a + b, a - b], axis=-2) / math.sqrt(2)
    pairs = pairs.reshape(*x.shape[:-2], 2 * len(first), x.shape[-1])
    return jnp.concatenate([x, pairs], axis=-2)


def n_channels(n_mixtures: int) -> int:
    """Number of channels that have this number of mixtures."""
    n = math.isqrt(n_mixtures)
    if n**2 != n_mixtures:
        raise ValueError(
            f"s1 must have a number of mixtures that is the square of the number of channels, got "
            f"{n_mixtures}; compute it with a transform from interchannel."
        )
    return n


def root_of_covariance(
    amplitudes: Float[Array, "*batch mixture n1 node"],
) -> Float[Array, "*batch channel channel n1 node"]:
    """Symmetric square root of the covariance between channels in each band, from the mixtures."""
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
    # Coefficients are means of moduli, so their squares need not form a valid covariance.
    values, vectors = jnp.linalg.eigh(covariance)
    root = product(vectors * jnp.sqrt(jnp.maximum(values, 0))[..., None, :], vectors.mT)
    return jnp.moveaxis(root, (-2, -1), (-4, -3))
