"""Auditory spectrograms from constant-Q filters, the early stage of the cortical model."""

import math
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, DTypeLike, Float

from jtfs_jax import _checks, _limits
from jtfs_jax._coordinates import wavelet_frequencies
from jtfs_jax._filterbank import FilterBank, filterbank
from jtfs_jax._first_order import scalogram
from jtfs_jax._jit import jit
from jtfs_jax._nodes import exportable
from jtfs_jax._wavelets import SIGMA0

_CHANNELS_AN_OCTAVE = 24


@exportable
class AuditoryFilterBank(eqx.Module):
    """Filters of auditory spectrograms, a pytree built by `auditory_filterbank`.

    Attributes:
        bank: The constant-Q filters.
        stride: Samples between frames.
        n_channels: Number of rows of the spectrogram.
        n_frames: Number of columns of the spectrogram.
        channels_per_octave: 24.
        sample_rate, tau_s, saturation, lateral_inhibition: As for `auditory_filterbank`.
    """

    bank: FilterBank
    first: int = eqx.field(static=True)  # private: index of the first wavelet that is a channel
    n_used: int = eqx.field(static=True)  # private
    sample_rate: float = eqx.field(static=True)
    stride: int = eqx.field(static=True)
    tau_s: float = eqx.field(static=True)
    saturation: float | None = eqx.field(static=True)
    lateral_inhibition: bool = eqx.field(static=True)
    channels_per_octave: int = eqx.field(static=True)

    @property
    def n_channels(self) -> int:
        """Number of rows of the spectrogram."""
        return self.n_used - self.lateral_inhibition

    @property
    def n_frames(self) -> int:
        """Number of columns of the spectrogram."""
        return math.ceil(self.bank.n_samples / self.stride)

    @property
    def frame_rate(self) -> float:
        """Frames per second, in Hz."""
        return self.sample_rate / self.stride

    @property
    def frequencies(self) -> Float[np.ndarray, " channel"]:
        """Center frequencies of the channels in Hz, from high to low."""
        centers = wavelet_frequencies(self.bank, sample_rate=self.sample_rate)
        last = self.first + self.n_used
        return centers[last - self.n_channels : last]

    @property
    def times(self) -> Float[np.ndarray, " frame"]:
        """End times of the frames in seconds, from the first sample."""
        return np.arange(1, self.n_frames + 1) * self.stride / self.sample_rate


def auditory_filterbank(
    n_samples: int,
    *,
    sample_rate: float,
    f_min: float = 180.0,
    quality: float = 4.0,
    frame_s: float = 0.008,
    tau_s: float = 0.008,
    saturation: float | None = None,
    lateral_inhibition: bool = True,
    dtype: DTypeLike = jnp.float32,
) -> AuditoryFilterBank:
    """Build the filters of auditory spectrograms: 24 channels per octave, of constant quality.

    The original model of the ear uses tabulated filters. Here, the filters are wavelets of
    `jtfs_jax.filterbank` with the same spacing and quality.

    Args:
        n_samples: Length of the signals.
        sample_rate: Samples per second, in Hz.
        f_min: Lowest center frequency in Hz. The highest is just below half the sample rate.
        quality: Center frequency of a channel divided by its equivalent rectangular bandwidth, from
            1 to 100. Channels resolve modulations up to about half this bandwidth, and densities up
            to about quality / 4 cycles/octave: 4 preserves tremolos, 20 preserves harmonics.
        frame_s: Time between frames in seconds, rounded to samples.
        tau_s: Time constant of the leaky integration in seconds.
        saturation: Envelope at which hair cells begin to saturate, positive. None: they are linear.
        lateral_inhibition: Whether each channel is inhibited by the next higher channel.
        dtype: float32, or float64 if enabled in JAX; also the dtype of the results.

    Returns:
        A pytree of arrays, for `auditory_spectrogram`.

    Raises:
        ValueError: If an argument is out of its range, or leaves too few channels.

    Example:
        >>> ear = auditory_filterbank(8192, sample_rate=8192.0)
        >>> ear.n_channels, ear.n_frames, ear.frequencies[[0, 24]].round()
        (106, 125, array([3807., 1904.]))

    References:
        Chi, Ru & Shamma, Multiresolution Spectrotemporal Analysis of Complex Sounds, 2005,
        section II A.
    """
    fs = _checks.positive_number("sample_rate", sample_rate)
    f_min = _checks.positive_number("f_min", f_min)
    quality = _quality(quality)
    stride = max(round(_checks.positive_number("frame_s", frame_s) * fs), 1)
    tau_s = _checks.positive_number("tau_s", tau_s)
    if saturation is not None:
        saturation = _checks.positive_number("saturation", saturation)
    inhibited = _checks.choice("lateral_inhibition", lateral_inhibition, [True, False])

    Q, ratio = _CHANNELS_AN_OCTAVE, 2 ** (-1 / _CHANNELS_AN_OCTAVE)
    # The equivalent rectangular bandwidth of a Gaussian |ψ̂| is √π σ.
    relative_sigma = 1 / (math.sqrt(math.pi) * quality)
    r_psi = math.exp(-0.5 * ((1 - ratio) / (1 + ratio) / relative_sigma) ** 2)
    # The bandwidth is constant below the elbow, and proportional to frequency above.
    J = max(math.ceil(math.log2(SIGMA0 / (relative_sigma * min(f_min / fs, 0.4)))), 1)
    longest = 16 * _limits.length(n_samples)
    if longest < 2**J:
        raise ValueError(
            f"f_min must be such that its filter is shorter than {longest} samples, 16 times the "
            f"signals, got {f_min:g} Hz for a quality of {quality:g}; raise f_min, lower quality, "
            f"or use longer signals."
        )
    bank = filterbank(n_samples, J, (Q, Q), T=1, r_psi=r_psi, pad_mode="zero", dtype=dtype)
    is_channel = np.array([psi.sigma / psi.xi < 1.001 * relative_sigma for psi in bank.wavelets1])
    # Rounding must not exclude a channel at f_min.
    is_channel &= wavelet_frequencies(bank, sample_rate=fs) > f_min * (1 - 1e-6)
    n_used = int(is_channel.sum())
    if n_used < 2:
        raise ValueError(
            f"f_min must leave two channels or more below half the sample rate of {fs:g} Hz, got "
            f"{_checks.shown(f_min)}; lower it."
        )
    return AuditoryFilterBank(
        bank=bank,
        first=int(is_channel.argmax()),
        n_used=n_used,
        sample_rate=fs,
        stride=stride,
        tau_s=tau_s,
        saturation=saturation,
        lateral_inhibition=inhibited,
        channels_per_octave=Q,
    )


def _quality(value: float) -> float:
    quality = _checks.positive_number("quality", value)
    if not 1 <= quality <= 100:
        raise ValueError(
            f"quality must be from 1 to 100, for separate channels without gaps, got {quality:g}; "
            f"the model of the ear uses 4."
        )
    return quality


@jit
@jax.named_scope("jtfs_jax.baselines.auditory_spectrogram")
def auditory_spectrogram(
    ear: AuditoryFilterBank, x: Float[Array, "*batch time"]
) -> Float[Array, "*batch channel frame"]:
    """Auditory spectrogram, the input of the cortical model.

    With U1 the envelopes of x in the channels k, from high to low frequency, f the saturation, and
    p a frame of L samples,

        y2(k, t) = U1(k, t)                             or ½ tanh(U1(k, t) / 2f)
        y4(k, t) = max(y2(k, t) − y2(k − 1, t), 0)      or y2(k, t) without lateral inhibition
        y5(k, t) = α y5(k, t − 1) + (1 − α) y4(k, t)    α = exp(−1 / (τ · sample rate))
        Y(k, p)  = y5(k, (p + 1) L − 1)

    Without saturation, Y is homogeneous: Y(c x) = |c| Y(x). Signals are padded with zeros.

    The original model of the ear rectifies oscillations; this one takes their envelopes.
    ½ tanh(y / 2f) is the original 1 / (1 + exp(−y / f)) minus its value at 0. Integration has a
    gain of 1 for constants, rather than 1 / (1 − α). There is no low-pass filter of hair cells,
    because envelopes do not reach its frequencies.

    Args:
        ear: Filters from `auditory_filterbank`.
        x: Real signals of the length that `ear` was built for; other axes are batch.

    Returns:
        `Y (*batch, channel, frame)`, from high to low frequency, with the coordinates
        `ear.frequencies` and `ear.times`.

    Raises:
        ValueError: At trace time, if `x` is not real or its length does not match `ear`.

    Example:
        >>> ear = auditory_filterbank(8192, sample_rate=8192.0)
        >>> auditory_spectrogram(ear, jnp.ones((3, 8192))).shape
        (3, 106, 125)

    References:
        Chi, Ru & Shamma, Multiresolution Spectrotemporal Analysis of Complex Sounds, 2005,
        equations 1 to 4.

    See Also:
        cortical: the next stage.
        jtfs_jax.analysis.log_compress: compresses Y, for `modulation_power_spectrum`.
    """
    y = scalogram(ear.bank, x)[..., ear.first : ear.first + ear.n_used, :]
    if ear.saturation is not None:
        y = jnp.tanh(y / (2 * ear.saturation)) / 2
    if ear.lateral_inhibition:
        y = jnp.maximum(y[..., 1:, :] - y[..., :-1, :], 0)
    return _leaky_frames(y, ear.stride, ear.tau_s * ear.sample_rate)


@partial(jax.checkpoint, static_argnums=(1, 2))
def _leaky_frames(
    y: Float[Array, "*batch channel time"], stride: int, tau: float
) -> Float[Array, "*batch channel frame"]:
    """Leaky integration, at the last sample of each frame."""
    n_frames = math.ceil(y.shape[-1] / stride)
    y = jnp.pad(y, [(0, 0)] * (y.ndim - 1) + [(0, n_frames * stride - y.shape[-1])])
    frames = y.reshape(*y.shape[:-1], n_frames, stride)
    ages = np.arange(stride)[::-1]
    weights = jnp.asarray(-math.expm1(-1 / tau) * np.exp(-ages / tau), y.dtype)
    y = jnp.einsum("...t,t->...", frames, weights, precision=jax.lax.Precision.HIGHEST)
    # Σ aᵏ zᵏ over all k ≥ 0 is Π (1 + (a z)ᵏ) over powers of two k, whose terms soon vanish.
    shift = 1
    while shift < n_frames and (decay := math.exp(-shift * stride / tau)) > 1e-20:
        delayed = jnp.pad(y[..., :-shift], [(0, 0)] * (y.ndim - 1) + [(shift, 0)])
        y = y + decay * delayed
        shift *= 2
    return y
