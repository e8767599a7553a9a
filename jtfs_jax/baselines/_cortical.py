"""The cortical model: spectrotemporal receptive fields at many rates and scales."""

from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from jtfs_jax import _checks, _fft
from jtfs_jax._arrays import of_rank, times_real
from jtfs_jax._modulus import modulus

from ._arguments import spectrogram
from ._cortical_filters import CorticalFilterBank


def cortical(
    cortex: CorticalFilterBank,
    y: Float[Array, "*batch channel frame"],
    *,
    output: Literal["modulus", "complex", "mean"] = "modulus",
) -> Float[Array, "..."] | Complex[Array, "..."]:
    """Cortical model: a spectrogram filtered at many rates and scales, in both directions.

    With h_ω,θ the filter of rate ω and spin θ, and g_Ω the filter of scale Ω, both analytic,

        R(θ, Ω, ω, k, t) = (Y ⋆ h_ω,θ ⋆ g_Ω)(k, t)

    over time and channels. Spin +1 responds to rising sounds and −1 to falling ones, as in `jtfs`;
    but the rate filters are causal, and the model does not average their modulus. Spectrograms are
    padded with zeros.

    Args:
        cortex: Filters from `cortical_filterbank`.
        y: Real spectrograms of the size that `cortex` was built for, with rows from high to low
            frequency, for example from `auditory_spectrogram`; other axes are batch.
        output: "complex": R, which contains neurons of all phases. "modulus": |R|. "mean": |R|
            averaged over all frames, which takes the least memory.

    Returns:
        `R (*batch, spin, scale, rate, channel, frame)`, in the units of `y`, without the last axis
        for "mean". Its coordinates are `cortex.spins`, `cortex.scales` and `cortex.rates`.

    Raises:
        ValueError: At trace time, if `y` is not real or does not have the size for `cortex`, or if
            `output` is none of these.

    Example:
        >>> from jtfs_jax.baselines import cortical_filterbank
        >>> cortex = cortical_filterbank(48, 200, frame_rate=125.0, rates=(4, 8), scales=(1, 2, 4))
        >>> cortical(cortex, jnp.ones((48, 200))).shape
        (2, 3, 2, 48, 200)

    References:
        Chi, Ru & Shamma, Multiresolution Spectrotemporal Analysis of Complex Sounds, 2005,
        section II B.

    See Also:
        jtfs_jax.plot.cortical: plots it by rate and scale.
    """
    output = _checks.choice("output", output, ["modulus", "complex", "mean"])
    y = spectrogram("y", y, cortex.n_channels, cortex.n_frames)
    return _cortical(cortex, y.astype(cortex.scale_filters.dtype), output)


@partial(jax.jit, static_argnums=2)
@jax.named_scope("jtfs_jax.baselines.cortical")
def _cortical(
    cortex: CorticalFilterBank, y: Float[Array, "*batch channel frame"], output: str
) -> Array:
    n_channels, n_frames = y.shape[-2:]
    _, n_spins, n_rates, n = cortex.rate_filters.shape
    m = 2 * cortex.scale_filters.shape[-1]
    spectrum = _spectrum(y, n, m)

    @jax.checkpoint  # all rates together are large, and quickly recomputed for the derivative
    def of_rate(filters: Float[Array, "part bin"]) -> Array:
        h = jax.lax.complex(*filters)
        z = _fft.ifft(spectrum * of_rank(h, spectrum.ndim), n)[..., :n_frames]
        # One row per frame, one matrix per scale.
        z = times_real(z.mT[..., None, :, :], cortex.scale_filters[:, None])
        z = _fft.ifft(z, m)[..., :n_channels].mT
        if output == "complex":
            return z
        r = modulus(z.real, z.imag)
        return r.mean(axis=-1) if output == "mean" else r

    filters = jnp.moveaxis(cortex.rate_filters, 0, 2).reshape(n_spins * n_rates, 2, n)
    r = jax.lax.map(of_rate, filters)
    r = r.reshape(n_spins, n_rates, *r.shape[1:])
    rank = y.ndim - 2
    return jnp.moveaxis(r, (0, 1, rank + 2), (rank, rank + 2, rank + 1))


def _spectrum(
    y: Float[Array, "*batch channel frame"], n: int, m: int
) -> Complex[Array, "*batch scale bin"]:
    """The Fourier transform with zero padding, at nonnegative scales."""
    y = jnp.pad(y, [(0, 0)] * (y.ndim - 2) + [(0, m - y.shape[-2]), (0, n - y.shape[-1])])
    half = _fft.rfft(y.mT)[..., : m // 2].mT
    # The forward transform is the conjugate of the inverse transform of the conjugate.
    return jnp.conj(_fft.ifft(jnp.conj(half), n)) * n
