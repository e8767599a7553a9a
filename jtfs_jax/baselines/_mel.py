"""Log-mel spectrograms, the front end of the Gabor filterbank."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, DTypeLike, Float

from jtfs_jax import _checks, _fft, _limits
from jtfs_jax._arrays import as_leaf, of_rank
from jtfs_jax._filterbank import as_arrays
from jtfs_jax._jit import jit
from jtfs_jax._modulus import modulus
from jtfs_jax._nodes import exportable
from jtfs_jax._products import product
from jtfs_jax.analysis import log_compress

_WINDOW_S, _HOP_S = 0.025, 0.010


@exportable
class MelFilterBank(eqx.Module):
    """Filters of log-mel spectrograms, a pytree built by `mel_filterbank`.

    Attributes:
        n_samples: Length of the signals.
        stride: Samples between frames.
        n_bands: Number of rows of the spectrogram.
        n_frames: Number of columns of the spectrogram.
        sample_rate, f_min, f_max, level: As for `mel_filterbank`.
    """

    window: Float[Array, " sample"]  # private
    triangles: Float[Array, "band bin"]  # private
    n_samples: int = eqx.field(static=True)
    sample_rate: float = eqx.field(static=True)
    stride: int = eqx.field(static=True)
    f_min: float = eqx.field(static=True)
    f_max: float = eqx.field(static=True)
    level: float = eqx.field(static=True)

    @property
    def n_bands(self) -> int:
        """Number of rows of the spectrogram."""
        return self.triangles.shape[0]

    @property
    def n_frames(self) -> int:
        """Number of columns of the spectrogram."""
        return math.ceil(self.n_samples / self.stride)

    @property
    def frame_rate(self) -> float:
        """Frames per second, in Hz."""
        return self.sample_rate / self.stride

    @property
    def frequencies(self) -> Float[np.ndarray, " band"]:
        """Center frequencies of the bands in Hz, from high to low."""
        return _corners(self.n_bands, self.f_min, self.f_max)[-2:0:-1]

    @property
    def times(self) -> Float[np.ndarray, " frame"]:
        """Center times of the frames in seconds, from the first sample."""
        return np.arange(self.n_frames) * self.stride / self.sample_rate


def mel_filterbank(
    n_samples: int,
    *,
    sample_rate: float,
    n_bands: int = 23,
    f_min: float = 64.0,
    f_max: float = 4000.0,
    level: float = 1e-5,
    dtype: DTypeLike = jnp.float32,
) -> MelFilterBank:
    """Build the filters of log-mel spectrograms: 25 ms windows every 10 ms, triangular bands.

    Args:
        n_samples: Length of the signals.
        sample_rate: Samples per second, in Hz.
        n_bands: Number of bands, equally spaced from `f_min` to `f_max` in mel.
        f_min: Lower edge of the lowest band, in Hz.
        f_max: Upper edge of the highest band, in Hz, at most half the sample rate.
        level: Amplitude below which logarithms are linear, positive.
        dtype: float32, or float64 if enabled in JAX; also the dtype of the results.

    Returns:
        A pytree of arrays, for `log_mel_spectrogram`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> mel = mel_filterbank(8192, sample_rate=8192.0)
        >>> mel.n_bands, mel.n_frames, mel.frequencies[[0, -1]].round()
        (23, 100, array([3657.,  124.]))
    """
    n_samples = _limits.length(n_samples)
    fs = _checks.positive_number("sample_rate", sample_rate)
    n_bands = _checks.positive_integer("n_bands", n_bands)
    f_min = _checks.nonnegative_number("f_min", f_min)
    f_max = _checks.positive_number("f_max", f_max)
    level = _checks.positive_number("level", level)
    if not f_min < f_max <= fs / 2:
        raise ValueError(
            f"f_max must be above f_min = {f_min:g} Hz and at most half the sample rate, "
            f"{fs / 2:g} Hz, got {f_max:g}; change it or resample."
        )
    n = max(round(_WINDOW_S * fs), 1)
    window = np.hamming(n + 1)[:n]
    n_fft = 2 * 2 ** math.ceil(math.log2(n))
    low, center, high = (_corners(n_bands, f_min, f_max)[k : n_bands + k, None] for k in range(3))
    f = np.arange(n_fft // 2 + 1) / n_fft * fs
    triangles = np.maximum(np.minimum((f - low) / (center - low), (high - f) / (high - center)), 0)
    sums = triangles.sum(axis=1, keepdims=True)
    if not sums.all():
        raise ValueError(
            f"n_bands must leave a Fourier bin in each band, with bins every {fs / n_fft:.3g} Hz, "
            f"got {n_bands} from {f_min:g} to {f_max:g} Hz; lower it."
        )
    tables = 2 * window / window.sum(), (triangles / sums)[::-1]
    window, triangles = as_arrays(tables, _checks.real_dtype(dtype))
    return MelFilterBank(
        window=as_leaf(window),
        triangles=as_leaf(triangles),
        n_samples=n_samples,
        sample_rate=fs,
        stride=max(round(_HOP_S * fs), 1),
        f_min=f_min,
        f_max=f_max,
        level=level,
    )


def _corners(n_bands: int, f_min: float, f_max: float) -> Float[np.ndarray, " corner"]:
    """Edges and peaks of the triangles in Hz, from low to high; neighbors share them."""
    low, high = (2595 * math.log10(1 + f / 700) for f in (f_min, f_max))
    return 700 * (10 ** (np.linspace(low, high, n_bands + 2) / 2595) - 1)


@jit
@jax.named_scope("jtfs_jax.baselines.log_mel_spectrogram")
def log_mel_spectrogram(
    mel: MelFilterBank, x: Float[Array, "*batch time"]
) -> Float[Array, "*batch band frame"]:
    """Log-mel spectrogram: logarithms of magnitudes in bands of equal width in mel.

        Y(k, p) = log(1 + Σ_f w_k(f) |X(p, f)| / level)     mel(f) = 2595 log₁₀(1 + f / 700)

    where X(p, ·) is the Fourier transform of the signal with a Hamming window centered on sample
    p · `mel.stride`. The window sums to 2, so the magnitude of a tone is its amplitude. w_k is the
    triangle of the k-th band, which sums to 1. Signals are padded with zeros.

    Args:
        mel: Filters from `mel_filterbank`.
        x: Real signals of the length that `mel` was built for; other axes are batch.

    Returns:
        `Y (*batch, band, frame)`, from high to low frequency, with the coordinates
        `mel.frequencies` and `mel.times`.

    Raises:
        ValueError: At trace time, if `x` is not real or its length does not match `mel`.

    Example:
        >>> mel = mel_filterbank(8192, sample_rate=8192.0)
        >>> log_mel_spectrogram(mel, jnp.ones((3, 8192))).shape
        (3, 23, 100)

    See Also:
        gabor_features: the next stage.
    """
    x, batch = _checks.signal(x, mel.n_samples, mel.window.dtype)
    n = mel.window.size
    starts = np.arange(mel.n_frames) * mel.stride
    after = int(starts[-1]) + n - n // 2 - mel.n_samples
    x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(n // 2, max(after, 0))])
    frames = x[..., starts[:, None] + np.arange(n)] * of_rank(mel.window, x.ndim + 1)
    n_fft = 2 * (mel.triangles.shape[-1] - 1)
    frames = jnp.pad(frames, [(0, 0)] * x.ndim + [(0, n_fft - n)])
    spectrum = _fft.rfft(frames)
    magnitudes = modulus(spectrum.real, spectrum.imag)
    y = log_compress(product(magnitudes, mel.triangles.T).mT, mel.level)
    return y.reshape(*batch, *y.shape[-2:])
