"""How loud sounds are: one gain for a page, gains that match levels, and 16-bit FLAC."""

import io

import numpy as np
from jaxtyping import Float

from jtfs_jax._extras import require

_FULL_SCALE = 2**15


def gain_of_peak(peak: float) -> float:
    """The gain with which sounds of this peak do not clip: 1 unless it is greater than 1."""
    return 1 / max(peak, 1.0)


def matching_gains(sounds: Float[np.ndarray, "sound channel time"]) -> list[float]:
    """The gain of each sound with which all have the level (RMS) of the first.

    Where one of them would go beyond full scale, all are lowered by the same factor. Silence keeps
    a gain of 1, and matches nothing.

    Args:
        sounds: As they are embedded, full scale ±1.

    Returns:
        A gain for each sound; that of the first is at most 1.

    Example:
        >>> matching_gains(np.array([[[0.5, -0.5]], [[0.25, -0.25]]]))
        [1.0, 2.0]
    """
    levels = np.sqrt(np.mean(np.square(sounds), axis=(1, 2), dtype=np.float64))
    gains = np.ones(len(sounds))
    if levels[0] > 0:
        np.divide(levels[0], levels, out=gains, where=levels > 0)
    peaks = np.abs(sounds).max(axis=(1, 2))
    return (gains / max(float(np.max(gains * peaks)), 1.0)).tolist()


def flac(x: Float[np.ndarray, "channel time"], sample_rate: int) -> bytes:
    """A sound within ±1 as a FLAC file of 16 bits a sample."""
    samples = np.clip(np.rint(x * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)
    encoded = io.BytesIO()
    require("soundfile", "audio").write(
        encoded, samples.T, sample_rate, format="FLAC", subtype="PCM_16"
    )
    return encoded.getvalue()
