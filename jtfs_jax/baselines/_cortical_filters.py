"""Filters of the cortical model: rates over time, scales over log-frequency, both directions."""

import math
from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, DTypeLike, Float

from jtfs_jax import _checks
from jtfs_jax._arrays import as_leaf
from jtfs_jax._filterbank import as_arrays
from jtfs_jax._nodes import exportable

from ._arguments import ascending

RATES = (2.0, 4.0, 8.0, 16.0, 32.0)
SCALES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


@exportable
class CorticalFilterBank(eqx.Module):
    """Filters of `cortical`, a pytree built by `cortical_filterbank`.

    Attributes:
        spins: +1 (rising) and −1 (falling), the coordinates along the spin axis of `cortical`.
        n_channels: Number of rows of the spectrograms.
        n_frames: Number of columns of the spectrograms.
        scales: Coordinates along the scale axis, in cycles/octave.
        rates: Coordinates along the rate axis, in Hz.
        frame_rate, channels_per_octave, open_ends: As for `cortical_filterbank`.
    """

    # Private. Of spin +1; real and imaginary parts are separate, so that leaves are real.
    rate_filters: Float[Array, "part rate bin"]
    scale_filters: Float[Array, "scale bin"]
    n_channels: int = eqx.field(static=True)
    n_frames: int = eqx.field(static=True)
    scales: tuple[float, ...] = eqx.field(static=True)
    rates: tuple[float, ...] = eqx.field(static=True)
    frame_rate: float = eqx.field(static=True)
    channels_per_octave: float = eqx.field(static=True)
    open_ends: bool = eqx.field(static=True)

    @property
    def spins(self) -> tuple[int, int]:
        """+1 (rising) and −1 (falling)."""
        return 1, -1


def cortical_filterbank(
    n_channels: int,
    n_frames: int,
    *,
    frame_rate: float,
    rates: Sequence[float] = RATES,
    scales: Sequence[float] = SCALES,
    channels_per_octave: float = 24.0,
    open_ends: bool = False,
    dtype: DTypeLike = jnp.float32,
) -> CorticalFilterBank:
    """Build the filters of the cortical model for spectrograms of a given size.

    With L the smallest power of two not below `n_frames`, the impulse response at rate ω and its
    transfer function on the bins k < L of 2L are

        h(t) = ω (ωt)² exp(−3.5 ωt) sin(2π ωt)   at the L times t = 0, 1 / frame_rate, …
        H(k) = FFT(h − mean h)(k) / max |FFT(h − mean h)|

    and with M the smallest power of two not below `n_channels`, the transfer function at scale Ω on
    the bins k < M of 2M is

        G(k) = r² exp(1 − r²)                    r = (k / 2M) · channels_per_octave / Ω

    Filters of spin +1 are H at positive rates and zero at negative rates; filters of spin −1 are
    the mirror image, the conjugate of H at negative rates. Both are zero at half the frame rate,
    which has no direction.

    Args:
        n_channels: Number of rows of the spectrograms, equally spaced on a logarithmic axis.
        n_frames: Number of columns of the spectrograms.
        frame_rate: Columns per second, in Hz.
        rates: Rates in Hz from low to high, below half of `frame_rate`.
        scales: Scales in cycles/octave from low to high, below half of `channels_per_octave`.
        channels_per_octave: Rows per octave.
        open_ends: Whether the lowest rate and scale pass everything below them, and the highest
            rate and scale everything above, with modulus 1. Each scale filter is then rescaled to
            its former sum. Otherwise all filters are band-pass.
        dtype: float32, or float64 if enabled in JAX; also the dtype of the results.

    Returns:
        A pytree of arrays, for `cortical`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> cortex = cortical_filterbank(128, 500, frame_rate=125.0)
        >>> cortex.rates, cortex.scales
        ((2.0, 4.0, 8.0, 16.0, 32.0), (0.25, 0.5, 1.0, 2.0, 4.0, 8.0))

    References:
        Chi, Ru & Shamma, Multiresolution Spectrotemporal Analysis of Complex Sounds, 2005,
        section II B; constants as in the NSL Auditory–Cortical Toolbox.
    """
    n_channels = _checks.positive_integer("n_channels", n_channels)
    n_frames = _checks.positive_integer("n_frames", n_frames)
    if n_frames == 1:
        raise ValueError("n_frames must be at least 2, got 1; one frame has no modulation.")
    fs = _checks.positive_number("frame_rate", frame_rate)
    density = _checks.positive_number("channels_per_octave", channels_per_octave)
    rates = ascending("rates", rates, fs / 2, "half the frame rate")
    scales = ascending("scales", scales, density / 2, "half of channels_per_octave")
    is_open = _checks.choice("open_ends", open_ends, [True, False])
    n, m = (2 ** math.ceil(math.log2(size)) for size in (n_frames, n_channels))
    of_rates = np.stack([_rate_filter(rate, n, fs) for rate in rates])
    of_scales = np.stack([_scale_filter(scale, m, density) for scale in scales])
    if is_open:
        of_rates = _opened(np.abs(of_rates)) * np.exp(1j * np.angle(of_rates))
        of_scales = _rescaled(_opened(of_scales), of_scales)
    tables = np.stack([np.real(of_rates), np.imag(of_rates)]), of_scales
    rate_filters, scale_filters = as_arrays(tables, _checks.real_dtype(dtype))
    return CorticalFilterBank(
        rate_filters=as_leaf(rate_filters),
        scale_filters=as_leaf(scale_filters),
        n_channels=n_channels,
        n_frames=n_frames,
        scales=scales,
        rates=rates,
        frame_rate=fs,
        channels_per_octave=density,
        open_ends=is_open,
    )


def _rate_filter(rate: float, n: int, frame_rate: float) -> Complex[np.ndarray, " bin"]:
    """H at positive rates."""
    t = np.arange(n) * rate / frame_rate
    h = rate * np.sin(2 * np.pi * t) * t**2 * np.exp(-3.5 * t)
    hat = np.fft.fft(h - h.mean(), 2 * n)[:n]
    hat[0] = 0  # not a rounding error, which would set the phase of a filter with an open end
    return hat / np.abs(hat).max()


def _scale_filter(scale: float, n: int, density: float) -> Float[np.ndarray, " bin"]:
    """G at positive scales."""
    r = np.arange(n) / n * density / 2 / scale
    return r**2 * np.exp(1 - r**2)


def _opened(gain: Float[np.ndarray, "filter bin"]) -> Float[np.ndarray, "filter bin"]:
    """Filter gains, set to 1 below the peak of the first filter and above the peak of the last."""
    gain = gain.copy()
    if len(gain) == 1:
        return np.ones_like(gain)
    gain[0, : gain[0].argmax()] = 1
    gain[-1, gain[-1].argmax() + 1 :] = 1
    return gain


def _rescaled(
    gain: Float[np.ndarray, "filter bin"], former: Float[np.ndarray, "filter bin"]
) -> Float[np.ndarray, "filter bin"]:
    """Filter gains, rescaled to their former sums."""
    return gain * (former.sum(axis=1) / gain.sum(axis=1))[:, None]
