"""The cortical model: spectrotemporal receptive fields at many rates and scales."""

from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from jtfs_jax import _checks, _fft
from jtfs_jax._arrays import of_rank
from jtfs_jax._modulus import modulus
from jtfs_jax._products import product

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

    over time and channels. As in `jtfs`, spin +1 responds to rising sounds and −1 to falling
    sounds. Unlike in `jtfs`, rate filters are causal, and averaging the modulus is not part of the
    model. Spectrograms are padded with zeros.

    Args:
        cortex: Filters from `cortical_filterbank`.
        y: Real spectrograms of the size that `cortex` was built for, with rows from high to low
            frequency, for example from `auditory_spectrogram`; other axes are batch.
        output: "complex": R, which represents neurons of all phases. "modulus": |R|. "mean": |R|
            averaged over all frames, which takes the least memory.

    Returns:
        `R (*batch, spin, scale, rate, channel, frame)`, in the units of `y`, without the last axis
        for "mean". Its coordinates are `cortex.spins`, `cortex.scales` and `cortex.rates`.

    Raises:
        ValueError: At trace time, if `y` is not real or its size does not match `cortex`, or if
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
    n = cortex.rate_filters.shape[-1]
    re_g, im_g = _matrices(cortex.scale_filters, n_channels)
    spectrum = _fft.rfft(jnp.pad(y, [(0, 0)] * (y.ndim - 1) + [(0, 2 * n - n_frames)]))[..., :n]

    @jax.checkpoint  # results for all rates take much memory, but little time to compute again
    def of_rate(h: Float[Array, "part bin"]) -> Array:
        h = of_rank(jax.lax.complex(*h), y.ndim)
        z = _fft.ifft(spectrum * h, 2 * n)[..., :n_frames]
        re_re, re_im = product(re_g, z.real), product(re_g, z.imag)
        im_re, im_im = product(im_g, z.real), product(im_g, z.imag)
        # Rate filters of spin −1 are conjugates of rate filters of spin +1, and so are their z.
        re = jnp.stack([re_re - im_im, re_re + im_im])
        im = jnp.stack([im_re + re_im, im_re - re_im])
        of_scales = (2, *y.shape[:-2], len(cortex.scales), n_channels, n_frames)
        re, im = re.reshape(of_scales), im.reshape(of_scales)
        if output == "complex":
            return jax.lax.complex(re, im)
        r = modulus(re, im)
        return r.mean(axis=-1) if output == "mean" else r

    r = jax.lax.map(of_rate, jnp.moveaxis(cortex.rate_filters, 0, 1))
    rank = y.ndim - 2
    return jnp.moveaxis(r, (0, 1), (rank + 2, rank))


def _matrices(
    scale_filters: Float[Array, "scale bin"], n_channels: int
) -> tuple[Float[Array, "row channel"], Float[Array, "row channel"]]:
    """Matrices of convolution with the scale filters, stacked: real and imaginary parts."""
    m = 2 * scale_filters.shape[-1]
    g = _fft.ifft(jax.lax.complex(scale_filters, jnp.zeros_like(scale_filters)), m)
    lags = np.arange(n_channels)[:, None] - np.arange(n_channels)
    toeplitz = g[:, lags % m].reshape(-1, n_channels)
    return toeplitz.real, toeplitz.imag
