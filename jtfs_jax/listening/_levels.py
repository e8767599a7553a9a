"""Levels of sounds: one gain per page, gains that match levels, and 16-bit FLAC."""

import io

import numpy as np
from jaxtyping import Float

from jtfs_jax._extras import require

_FULL_SCALE = 2**15


def gain_of_peak(peak: float) -> float:
    """The gain that keeps sounds with this peak from clipping: 1 unless the peak exceeds 1."""
    return 1 / max(peak, 1.0)


def matching_gains(sounds: Float[np.ndarray, "sound channel time"]) -> list[float]:
    """Gains that match the level (RMS) of each sound to the level of the first.

    Silence is not matched: its gain is 1. If a sound would then exceed full scale, all gains are
    lowered by the same factor.

    Args:
        sounds: Sounds as embedded in the page, full scale ±1.

    Returns:
        A gain for each sound; the first gain is at most 1.

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
    """Encode a sound within ±1 as FLAC with 16 bits per sample."""
    samples = np.clip(np.rint(x * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)
    encoded = io.BytesIO()
    require("soundfile", "audio").write(
        encoded, samples.T, sample_rate, format="FLAC", subtype="PCM_16"
    )
    return encoded.getvalue()
