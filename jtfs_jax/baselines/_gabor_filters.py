"""The Gabor filterbank: filters over bands and frames for several rates, scales and directions.

Angular frequencies are in radians per band and radians per frame, as in the publication.
"""

import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, DTypeLike, Float, Int

from jtfs_jax import _checks
from jtfs_jax._arrays import as_leaf
from jtfs_jax._filterbank import as_arrays
from jtfs_jax._nodes import exportable

_N_HALF_WAVES = 3.5  # under the window
_OMEGA_MAX = math.pi / 2
_SPECTRAL_DISTANCE, _TEMPORAL_DISTANCE = 0.3, 0.2
_MAX_FRAMES = 40  # length of the longest window; the tallest has 3 times the number of bands


@exportable
class GaborFilterBank(eqx.Module):
    """Filters of `gabor_features`, a pytree built by `gabor_filterbank`.

    Attributes:
        n_bands: Number of rows of the spectrograms.
        rates: Rate of each feature in Hz, at least 0.
        scales: Scale of each feature in cycles/band, at least 0.
        spins: +1 if the feature responds to rising sounds, −1 to falling ones, 0 to both.
        bands: The band on which each feature is centered, counted from the highest.
        frame_rate: As for `gabor_filterbank`.
    """

    kernels: Float[Array, "feature band tap"]  # private; rows beyond the edge bands are added there
    rates: tuple[float, ...] = eqx.field(static=True)
    scales: tuple[float, ...] = eqx.field(static=True)
    spins: tuple[int, ...] = eqx.field(static=True)
    bands: tuple[int, ...] = eqx.field(static=True)
    frame_rate: float = eqx.field(static=True)

    @property
    def n_bands(self) -> int:
        """Number of rows of the spectrograms."""
        return self.kernels.shape[1]


def gabor_filterbank(
    n_bands: int = 23, *, frame_rate: float = 100.0, dtype: DTypeLike = jnp.float32
) -> GaborFilterBank:
    """Build the filters of Gabor features for spectrograms with a given number of bands.

    With the Hann window w(n; W) = ½ (1 + cos(2πn / W)) for |n| < W / 2, and ν = 3.5 half-waves,

        g(k, n) = w(k; W_k) w(n; W_n) exp(i (ω_k k + ω_n n))     W = πν / |ω|

    where W_k is at most 3 · `n_bands` and W_n at most 40 frames; they take these values for ω = 0.
    Unless ω_k = ω_n = 0, the mean is removed, g − w · mean(g) / mean(w). The filter is the real
    part of g / max |FFT₂ g|. The frequencies on each axis are

        π/2, π/2 / q, π/2 / q², … ≥ πν / size     q = (1 + c/2) / (1 − c/2),  c = 8d / ν

    and 0, with d = 0.3 along bands and 0.2 along frames; along bands, they have both signs. For 23
    bands there are 41 filters. For each filter, the selected bands are a quarter of its height
    apart and include the middle band, which gives 311 features in total.

    Args:
        n_bands: Number of rows of the spectrograms, from high to low frequency.
        frame_rate: Columns per second, in Hz; used only for the coordinates.
        dtype: float32, or float64 if enabled in JAX; also the dtype of the results.

    Returns:
        A pytree of arrays, for `gabor_features`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> gabor = gabor_filterbank()
        >>> len(gabor.rates), len(set(zip(gabor.rates, gabor.scales, gabor.spins)))
        (311, 41)

    References:
        Schädler, Meyer & Kollmeier, Spectro-Temporal Modulation Subspace-Spanning Filter Bank
        Features for Robust Automatic Speech Recognition, 2012, section II.
    """
    n_bands = _checks.positive_integer("n_bands", n_bands)
    frame_rate = _checks.positive_number("frame_rate", frame_rate)
    dtype = _checks.real_dtype(dtype)
    spectral = _frequencies(3 * n_bands, _SPECTRAL_DISTANCE)
    temporal = _frequencies(_MAX_FRAMES, _TEMPORAL_DISTANCE)
    signed = [*(-omega for omega in spectral[:0:-1]), *spectral]
    kernels, coordinates = [], []
    for omega_n in temporal:
        for omega_k in signed:
            if omega_n == 0 and omega_k < 0:
                continue  # the conjugate of the filter with ω_k > 0
            g = np.real(gabor_filter(omega_k, omega_n, 3 * n_bands))
            rate, scale = omega_n / (2 * math.pi) * frame_rate, abs(omega_k) / (2 * math.pi)
            # If ω_k > 0, lines of equal phase rise: k decreases as n grows, and row 0 is highest.
            spin = int(np.sign(omega_k)) if omega_n else 0
            for band in _kept_bands(n_bands, g.shape[0]):
                kernels.append(_folded(g, band, n_bands))
                coordinates.append((rate, scale, spin, int(band)))
    rates, scales, spins, bands = (tuple(column) for column in zip(*coordinates, strict=True))
    return GaborFilterBank(
        kernels=as_leaf(as_arrays(np.stack(kernels), dtype)),
        rates=rates,
        scales=scales,
        spins=spins,
        bands=bands,
        frame_rate=frame_rate,
    )


def _frequencies(size: int, distance: float) -> list[float]:
    """Frequency 0 and the center frequencies along an axis, from low to high."""
    c = 8 * distance / _N_HALF_WAVES
    ratio = (1 + c / 2) / (1 - c / 2)
    found, omega = [], _OMEGA_MAX
    while omega >= math.pi * _N_HALF_WAVES / size:
        found.append(omega)
        omega /= ratio
    return [0.0, *found[::-1]]


def gabor_filter(omega_k: float, omega_n: float, height: int) -> Complex[np.ndarray, "row frame"]:
    """One complex filter of odd size on both axes, with a height of at most `height` rows."""
    w_k, w_n = _window(omega_k, height), _window(omega_n, _MAX_FRAMES)
    window = np.outer(w_k, w_n)
    k, n = (np.arange(len(w)) - len(w) // 2 for w in (w_k, w_n))
    g = window * np.exp(1j * (omega_k * k[:, None] + omega_n * n))
    if omega_k or omega_n:
        g -= window * (g.mean() / window.mean())
    return g / np.abs(np.fft.fft2(g)).max()


def _window(omega: float, size: int) -> Float[np.ndarray, " tap"]:
    """The positive part of the Hann window for a frequency."""
    width = math.pi * _N_HALF_WAVES / abs(omega) if omega else float(size)
    reach = math.ceil(width / 2) - 1
    return 0.5 * (1 + np.cos(2 * np.pi * np.arange(-reach, reach + 1) / width))


def _kept_bands(n_bands: int, height: int) -> Int[np.ndarray, " band"]:
    """Bands a quarter of a filter's height apart, including the middle band."""
    step = max(height // 4, 1)
    middle = n_bands // 2
    return np.arange(middle % step, n_bands, step)


def _folded(
    g: Float[np.ndarray, "row frame"], band: int, n_bands: int
) -> Float[np.ndarray, "band tap"]:
    """A filter around a band, padded in time; rows beyond the edges are added to the edge bands."""
    reach, reach_n = g.shape[0] // 2, g.shape[1] // 2
    rows = np.clip(band + np.arange(-reach, reach + 1), 0, n_bands - 1)
    longest = math.ceil(_MAX_FRAMES / 2) - 1
    kernel = np.zeros((n_bands, 2 * longest + 1))
    np.add.at(kernel[:, longest - reach_n : longest + reach_n + 1], rows, g)
    return kernel
