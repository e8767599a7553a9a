"""Scalograms of sounds of any length, as images without axes."""

import io
import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from jtfs_jax._coordinates import wavelet_frequencies
from jtfs_jax._extras import require
from jtfs_jax._filterbank import FilterBank, filterbank
from jtfs_jax._segmented import segmented
from jtfs_jax._time_scattering import time_scattering
from jtfs_jax.plot._axes import MAGNITUDE, decibels, edges, largest

RANGE_DB = 60
_MAX_COLUMNS = 1000
_MAX_ROWS = 240
_LOWEST_HZ = 32.0  # approximate lower end of the rows of the default filterbank
_AUDIBLE_HZ = 20.0
_STEP_DB = 0.5  # quantized levels have fewer colors and make smaller files


class Pictures(NamedTuple):
    """Scalograms of the sounds of a comparison, with the same size and the same axes.

    Attributes:
        pngs: A PNG file for each sound.
        low: Lower end of the logarithmic frequency axis, in Hz.
        high: Upper end of the frequency axis, in Hz.
    """

    pngs: list[bytes]
    low: float
    high: float


def scalograms(
    sounds: Float[np.ndarray, "sound channel time"],
    sample_rate: float,
    bank: FilterBank | None,
) -> Pictures:
    """Images of levels over time and log-frequency; 0 dB is the maximum of the first sound.

    Magnitudes are averaged over time, to at most 1,000 columns; powers are averaged over channels.

    Args:
        sounds: The target and its metamers.
        sample_rate: Sample rate in Hz.
        bank: Filterbank with the first-order wavelets. None: twelve wavelets per octave, down to
            about 32 Hz.

    Returns:
        The images, and the ends of their frequency axis.
    """
    n_samples = sounds.shape[-1]
    stride = 2 ** math.ceil(math.log2(max(n_samples / _MAX_COLUMNS, 1)))
    bank = _with_frames(bank, sample_rate, stride)
    s1 = segmented(time_scattering)(bank, sounds.astype(bank.dtype)).S1
    u = np.sqrt(np.mean(np.square(np.asarray(s1, np.float64)), axis=1))
    borders = edges(wavelet_frequencies(bank, sample_rate=sample_rate))
    low, high = borders[-1], min(borders[0], sample_rate / 2)
    if high > 4 * _AUDIBLE_HZ:
        low = max(low, _AUDIBLE_HZ)
    rows, columns = _rows(borders, low, high), _columns(n_samples, stride)
    reference = largest(u[0]) or None
    pngs = [_png(decibels(picture[rows][:, columns], reference)) for picture in u]
    return Pictures(pngs, float(low), float(high))


def color_scale() -> bytes:
    """A PNG file with one row of all colors, from the lowest to the highest level."""
    return _png(np.linspace(-RANGE_DB, 0, 2 * RANGE_DB + 1)[None])


def _with_frames(bank: FilterBank | None, sample_rate: float, stride: int) -> FilterBank:
    """The first-order wavelets of a filterbank, for segments and with frames `stride` apart."""
    if bank is None:
        log2 = round(math.log2(max(sample_rate / _LOWEST_HZ, 1)))
        return filterbank(None, J=(min(max(log2, 4), 12), 1), Q=12, T=stride)
    names = ("analytic", "pad_mode", "normalize", "r_psi", "oversampling")
    options = {name: getattr(bank, name) for name in names}
    J, Q = (bank.J[0], 1), (bank.Q[0], 1)  # the second order is not drawn
    return filterbank(None, J, Q, T=stride, **options, dtype=bank.dtype)


def _rows(borders: Float[np.ndarray, " edge"], low: float, high: float) -> Int[np.ndarray, " row"]:
    """Index of the wavelet for each row of an image, from high to low frequency."""
    n_rows = min(2 * (len(borders) - 1), _MAX_ROWS)
    frequencies = high * (low / high) ** ((np.arange(n_rows) + 0.5) / n_rows)
    return np.searchsorted(-borders, -frequencies).clip(1, len(borders) - 1) - 1


def _columns(n_samples: int, stride: int) -> Int[np.ndarray, " column"]:
    """Index of the frame for each column of an image that spans exactly the sound."""
    n_frames = -(-n_samples // stride)
    times = (np.arange(n_frames) + 0.5) * n_samples / n_frames
    return np.rint(times / stride).astype(int).clip(0, n_frames - 1)


def _png(levels: Float[np.ndarray, "row column"]) -> bytes:
    colors = require("matplotlib", "plot").colormaps[MAGNITUDE]
    steps = np.rint(levels / _STEP_DB) * _STEP_DB
    pixels = colors(np.clip(1 + steps / RANGE_DB, 0, 1), bytes=True)[..., :3]
    encoded = io.BytesIO()
    require("matplotlib.image", "plot").imsave(
        encoded, pixels, format="png", metadata={"Software": None}, pil_kwargs={"optimize": True}
    )
    return encoded.getvalue()
