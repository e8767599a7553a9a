"""The modulation power spectrum: the Fourier transform of a spectrogram in both dimensions."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jtfs_jax import _checks, _fft
from jtfs_jax._jit import jit

from ._arguments import spectrogram


@dataclass(frozen=True, eq=False)
class ModulationAxes:
    """Coordinates of a modulation power spectrum, as returned by `modulation_axes`.

    Attributes:
        scale: Scales in cycles/octave, from 0 upward.
        rate: Rates in Hz, from negative (falling) through 0 to positive (rising).
    """

    scale: Float[np.ndarray, " scale"]
    rate: Float[np.ndarray, " rate"]


def modulation_axes(
    n_rows: int, n_frames: int, *, frame_rate: float, rows_per_octave: float = 24.0
) -> ModulationAxes:
    """Coordinates of the modulation power spectrum of a spectrogram of a given size.

    Args:
        n_rows: Number of rows of the spectrogram.
        n_frames: Number of columns of the spectrogram.
        frame_rate: Columns per second, in Hz.
        rows_per_octave: Rows per octave; or rows per another unit of frequency, in which case
            scales are in cycles per that unit.

    Returns:
        One array per axis: see `ModulationAxes`.

    Raises:
        ValueError: If an argument is not positive.

    Example:
        >>> axes = modulation_axes(48, 200, frame_rate=100.0)
        >>> axes.scale[:3], axes.rate[[0, 100, 199]]
        (array([0. , 0.5, 1. ]), array([-50. ,   0. ,  49.5]))
    """
    n_rows = _checks.positive_integer("n_rows", n_rows)
    n_frames = _checks.positive_integer("n_frames", n_frames)
    frame_rate = _checks.positive_number("frame_rate", frame_rate)
    density = _checks.positive_number("rows_per_octave", rows_per_octave)
    return ModulationAxes(
        scale=np.fft.rfftfreq(n_rows, 1 / density),
        rate=np.fft.fftshift(np.fft.fftfreq(n_frames, 1 / frame_rate)),
    )


@jit
@jax.named_scope("jtfs_jax.baselines.modulation_power_spectrum")
def modulation_power_spectrum(
    y: Float[Array | np.ndarray, "*batch row frame"],
) -> Float[Array, "*batch scale rate"]:
    """Modulation power spectrum: the power of a spectrogram at each rate and scale.

        P(Ω, ω) = |Σ (Y(k, p) − mean Y) exp(−2πi (Ωk + ωp))|² / (K N)²

    over the K rows k, from high to low frequency, and the N frames p. Scales Ω are at least 0, and
    rates ω have the sign of the spin: positive for rising sounds. The sum over scales of both signs
    is the variance of Y; here, each scale strictly between 0 and half of `rows_per_octave`
    represents both signs. Circular shifts along either axis do not change the spectrum.

    Args:
        y: Real spectrograms, usually logarithmic: from `log_mel_spectrogram`, or
            `jtfs_jax.analysis.log_compress` of `auditory_spectrogram`. Other axes are batch.

    Returns:
        `P (*batch, scale, rate)`, with the coordinates of `modulation_axes`.

    Raises:
        ValueError: At trace time, if `y` is not real or has fewer than two axes.

    Example:
        >>> modulation_power_spectrum(jnp.ones((3, 48, 200))).shape
        (3, 25, 200)

    References:
        Singh & Theunissen, Modulation Spectra of Natural Sounds and Ethological Theories of
        Auditory Processing, 2003. Elliott & Theunissen, The Modulation Transfer Function for Speech
        Intelligibility, 2009.

    See Also:
        cortical: a representation localized in time and frequency.
    """
    y = spectrogram("y", y, None, None)
    n_rows, n_frames = y.shape[-2:]
    y = y - y.mean(axis=(-2, -1), keepdims=True)
    half = _fft.rfft(y.mT).mT / n_rows
    # An FFT is the conjugate of the inverse FFT of the conjugate, times the number of frames.
    spectrum = _fft.ifft(jnp.conj(half), n_frames)
    return jnp.fft.fftshift(spectrum.real**2 + spectrum.imag**2, axes=-1)
