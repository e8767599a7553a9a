"""Sounds from and to files, and the recordings that come with the library.

Needs the extra `audio`: soundfile reads and writes, soxr resamples.
"""

import io
import math
import os
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from ._checks import choice, positive_number
from ._extras import require
from ._files import check_writable, replacing

_BUNDLED = {"crow": "misc_crow.flac", "guitar_slide": "guit_e_slide.flac"}
_SUBTYPES = {".wav": "PCM_24", ".flac": "PCM_24", ".ogg": "VORBIS"}
_MARGIN = 0.1  # seconds read past `duration`, so that the resampler does not see the cut


def bundled(name: str) -> Path:
    """Path of a recording that comes with the library, in the public domain (CC0).

    Args:
        name: "guitar_slide" (4.3 s, a slide along the strings of a guitar) or "crow" (0.5 s, a
            call). `SOURCES.txt` beside them says where they come from.

    Returns:
        Path of a FLAC file, mono, 44,100 Hz.

    Raises:
        ValueError: If there is no recording of that name.
    """
    if name not in _BUNDLED:
        raise ValueError(f"name must be one of {', '.join(sorted(_BUNDLED))}, got {name!r}.")
    return Path(__file__).parent / "data" / _BUNDLED[name]


def load(
    path: str | os.PathLike,
    sample_rate: float,
    duration: float | None = None,
    *,
    start: float = 0.0,
    channels: Literal["mean", "first", "each"] = "mean",
) -> Float[np.ndarray, "*channel time"]:
    """Read a sound: WAV, FLAC, OGG, and whatever else the installed libsndfile reads.

    Channels are averaged, unless `channels` says otherwise, then the sound is resampled and cut. Full scale is ±1; resampling, and
    files of floating-point samples, may go beyond it: nothing is clipped, nor made louder.

    Args:
        path: The file.
        sample_rate: Samples a second of what is returned, in Hz.
        duration: Longest duration in seconds; shorter sounds are not padded. None: all of it.
        start: Seconds of the recording that are skipped.
        channels: "mean" averages the channels, "first" takes the first one, "each" keeps all.

    Returns:
        At most `round(duration · sample_rate)` samples, float32: (time), or (channel, time) where
        `channels` is "each".

    Raises:
        ValueError: If the file cannot be read as audio, is empty or silent, or has samples that
            are not finite; if `sample_rate` or `duration` is not a positive number.
        ImportError: If soundfile or soxr are not installed.

    Example:
        >>> load(bundled("crow"), 22050).shape
        (10598,)
    """
    positive_number("sample_rate", sample_rate)
    if duration is not None:
        positive_number("duration", duration)
    if start != 0:
        positive_number("start", start)
    choice("channels", channels, ("mean", "first", "each"))
    x, native_rate = _read(Path(path), None if duration is None else start + duration)
    x = x[round(start * native_rate) :]
    if x.shape[0] == 0:
        raise ValueError(f"{path}: the file is empty, it has no samples; take another recording.")
    if not np.isfinite(x).all():
        bad = int(np.flatnonzero(~np.isfinite(x).all(axis=1))[0])
        raise ValueError(
            f"{path}: every sample must be a finite number, but sample {bad} is not; "
            f"repair the file or take another recording."
        )
    mono = x.mean(axis=1, dtype=np.float64)
    if channels == "first":
        mono = x[:, 0].astype(np.float64)
    elif channels == "each":
        mono = x.astype(np.float64)
    if native_rate != sample_rate:
        mono = require("soxr", "audio").resample(mono, native_rate, sample_rate, quality="VHQ")
    if duration is not None:
        mono = mono[: max(round(duration * sample_rate), 1)]
    if not mono.any():
        where = "" if duration is None else f" in its first {duration:g} s"
        channels = "" if x.shape[1] == 1 else f" once its {x.shape[1]} channels are averaged"
        raise ValueError(
            f"{path}: the sound is silent{where}{channels}; take a recording that is not."
        )
    return np.ascontiguousarray(mono.astype(np.float32).T)


def save(path: str | os.PathLike, x: Float[np.ndarray, " time"], sample_rate: float) -> float:
    """Write a mono sound, whole or not at all: a file that was there stays until it is replaced.

    WAV and FLAC are written with 24 bits, whose full scale is ±1. A sound that goes beyond it is
    scaled down to a peak of 1, and so never clipped; all others are left as loud as they are.

    Args:
        path: Ends in .wav, .flac or .ogg, in a folder that exists.
        x: Samples.
        sample_rate: Samples a second, in Hz; files have it as an integer.

    Returns:
        The factor by which the samples were multiplied: 1 unless their peak is greater than 1.

    Raises:
        ValueError: If the path is not one that can be written, `x` is not one-dimensional, has
            no samples or some that are not finite, or `sample_rate` is not a positive integer.
        ImportError: If soundfile is not installed.
    """
    path = check_path(path)
    positive_number("sample_rate", sample_rate)
    if sample_rate != int(sample_rate):
        raise ValueError(f"{path}: sample_rate must be an integer to be saved, got {sample_rate}.")
    x = np.asarray(x)
    if x.ndim != 1 or x.size == 0:
        raise ValueError(
            f"{path}: x must have one axis, time, and at least one sample, but its shape is "
            f"{x.shape}; save one sound a file."
        )
    if not np.isfinite(x).all():
        raise ValueError(f"{path}: every sample must be a finite number to be saved.")
    gain = 1 / max(float(np.abs(x).max()), 1.0)
    soundfile = require("soundfile", "audio")
    suffix = path.suffix.lower()
    how = {"subtype": _SUBTYPES[suffix], "format": suffix[1:].upper()}
    with replacing(path) as partial:
        try:
            soundfile.write(partial, x * gain, int(sample_rate), **how)
        except (soundfile.SoundFileError, AssertionError, UnicodeEncodeError):
            # libsndfile does not say why it cannot write. Python does, or it can.
            encoded = io.BytesIO()
            soundfile.write(encoded, x * gain, int(sample_rate), **how)
            partial.write_bytes(encoded.getbuffer())
    return gain


def check_path(path: str | os.PathLike) -> Path:
    """The path, or the `ValueError` that `save` would raise because of it."""
    path = Path(path)
    if path.suffix.lower() not in _SUBTYPES:
        raise ValueError(f"{path}: the name of a sound must end in {', '.join(_SUBTYPES)}.")
    return check_writable(path)


def _read(path: Path, duration: float | None) -> tuple[Float[np.ndarray, "time channel"], int]:
    """The samples that `duration` needs, at the rate of the file."""
    if not path.exists():
        raise ValueError(f"{path}: there is no such file; check its name.")
    if path.is_dir():
        raise ValueError(f"{path}: this is a folder; name a file.")
    soundfile = require("soundfile", "audio")
    try:
        if path.stat().st_size == 0:
            return np.zeros((0, 1), np.float32), 1
        with soundfile.SoundFile(path) as file:
            n = file.frames
            if duration is not None:
                n = math.ceil(min((duration + _MARGIN) * file.samplerate, n))
            return file.read(n, dtype="float32", always_2d=True), file.samplerate
    except (OSError, TypeError, soundfile.SoundFileError) as error:
        reason = str(getattr(error, "error_string", error)).rstrip(".")
        raise ValueError(f"{path}: this cannot be read as audio ({reason}).") from error
