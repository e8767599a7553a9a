"""Levels of stimuli: ramps, the common gain of a recording and its metamers, measurements."""

import math
from pathlib import Path
from types import ModuleType

import numpy as np
from jaxtyping import Float

from jtfs_jax._extras import require

from ._stimuli_settings import AS_RECORDED
from ._stimuli_table import Table

_BLOCK = 0.4  # s, over which BS.1770 averages
_MAX_CHANNELS = 5  # for which BS.1770 has weights
_SILENCE = -70.0  # LUFS, below which BS.1770 ignores blocks
_ITERATIONS = 4  # because a gain moves blocks across that threshold


def check_level(table: Table) -> None:
    """Raise an `ImportError` if the level cannot be measured."""
    if table.level == "loudness":
        require("pyloudnorm", "stimuli")


def faded(
    x: Float[np.ndarray, "*channel time"], sample_rate: int, ramp: float
) -> Float[np.ndarray, "*channel time"]:
    """Return the sound in float64, with raised-cosine ramps of `ramp` seconds at both ends."""
    y = x.astype(np.float64)
    n = round(ramp * sample_rate)
    if n:
        window = np.sin(np.pi / 2 * np.arange(n) / n) ** 2
        y[..., :n] *= window
        y[..., -n:] *= window[::-1]
    return y


def gain_of(
    source: Path, x: Float[np.ndarray, "*channel time"], sample_rate: int, table: Table
) -> float:
    """Return the gain that brings a recording, as used, to the level of the table.

    Raises:
        ValueError: If the recording is too short for the ramps; or if it is too short or too quiet
            or has too many channels to measure its loudness.
    """
    seconds = x.shape[-1] / sample_rate
    if 2 * table.ramp > seconds:
        raise ValueError(
            f"{source}: ramp must be at most half of the {seconds:g} s used from this recording, "
            f"got {table.ramp:g}; lower it."
        )
    if table.level == AS_RECORDED:
        return 1.0
    y = faded(x, sample_rate, table.ramp)
    if table.level == "rms":
        return _from_db(table.target_level - _to_db(_rms(y)))
    _check_loudness(source, y, seconds)
    gain = 1.0
    for _ in range(_ITERATIONS):
        found = loudness(gain * y, sample_rate)
        if found is None:
            raise ValueError(
                f"{source}: this recording is below {_SILENCE:g} LUFS, so it has no loudness; set "
                f'level to "rms", or leave out the recording.'
            )
        gain *= _from_db(table.target_level - found)
    return gain


def _check_loudness(source: Path, y: np.ndarray, seconds: float) -> None:
    if seconds < _BLOCK:
        raise ValueError(
            f"{source}: loudness needs blocks of {_BLOCK:g} s, but only {seconds:g} s are used "
            f'from this recording; set level to "rms", or use longer recordings.'
        )
    if y.ndim == 2 and len(y) > _MAX_CHANNELS:
        raise ValueError(
            f"{source}: loudness is defined for at most {_MAX_CHANNELS} channels, but this "
            f'recording has {len(y)}; set level to "rms", or channels to "mean".'
        )


def measured(y: Float[np.ndarray, "*channel time"], sample_rate: int) -> dict[str, float | None]:
    """Return level, peak and loudness of a sound by column name; None for undefined values."""
    level = _to_db(_rms(y))
    return {
        "rms_dbfs": round(level, 3) if math.isfinite(level) else None,
        "peak": round(float(np.abs(y).max()), 6),
        "loudness_lufs": _rounded(loudness(y, sample_rate)),
    }


def loudness(y: Float[np.ndarray, "*channel time"], sample_rate: int) -> float | None:
    """Return the ITU-R BS.1770 loudness in LUFS; None if undefined or without pyloudnorm."""
    meter = _pyloudnorm()
    is_short = y.shape[-1] < _BLOCK * sample_rate
    if meter is None or is_short or (y.ndim == 2 and len(y) > _MAX_CHANNELS):
        return None
    found = float(meter.Meter(sample_rate).integrated_loudness(y.T))
    return found if math.isfinite(found) else None


def _pyloudnorm() -> ModuleType | None:
    try:
        return require("pyloudnorm", "stimuli")
    except ImportError:
        return None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _rms(y: np.ndarray) -> float:
    return float(np.sqrt(np.square(y).mean()))


def _to_db(amplitude: float) -> float:
    return 20 * math.log10(amplitude) if amplitude else -math.inf


def _from_db(level: float) -> float:
    return 10 ** (level / 20)
