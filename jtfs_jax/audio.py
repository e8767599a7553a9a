"""Reading and writing of sounds, and bundled recordings.

Requires the extra `audio`: soundfile reads and writes, soxr resamples.
"""

import io
import os
import warnings
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ._checks import choice, nonnegative_number, positive_number
from ._extras import require
from ._files import check_writable, replacing
from ._sounds._channels import CHANNELS, Channels
from ._sounds._load import load_with_notes

__all__ = ["bundled", "check_path", "load", "save"]

_BUNDLED = {"crow": "misc_crow.flac", "guitar_slide": "guit_e_slide.flac"}
_SUBTYPES = {".wav": "PCM_24", ".flac": "PCM_24", ".ogg": "VORBIS"}
_MAX_CHANNELS = {".wav": 1024, ".flac": 8, ".ogg": 255}


def bundled(name: str) -> Path:
    """Return the path of a bundled recording, which is in the public domain (CC0).

    Args:
        name: "guitar_slide" (4.3 s, a slide along the strings of a guitar) or "crow" (0.5 s, a
            call). `SOURCES.txt` in the same folder gives their sources.

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
    channels: Channels = "mean",
) -> Float[np.ndarray, "*channel time"]:
    """Read a sound: WAV, FLAC, OGG, MP3, or any other format that libsndfile or ffmpeg reads.

    By default, the channels are averaged. The sound is resampled, then cut. Full scale is ±1;
    resampled sounds and floating-point files may exceed it, as nothing is clipped or amplified.

    All samples in the file are read, even if its header gives another number. Formats that
    libsndfile does not read (M4A, WebM, WMA) are decoded by the program ffmpeg, if it is installed.

    Args:
        path: A file, or a pipe; "-" is the standard input.
        sample_rate: Sample rate of the result, in Hz.
        duration: Maximum duration in seconds; shorter sounds are not padded. None reads to the end.
        start: Start of the part to read, in seconds.
        channels: "mean" averages the channels, "first" takes the first one, "each" keeps all.

    Returns:
        At most `round(duration · sample_rate)` samples, float32: (time), or (channel, time) if
        `channels` is "each".

    Raises:
        ValueError: If the file cannot be read as audio, or has no samples, or has samples that are
            not finite; if its sample rate and `sample_rate` differ by a factor of more than 1,000;
            if the samples read are silent, or nearly silent because channels cancel each other; if
            `start` is past the end; if an argument is out of range.
        ImportError: If soundfile or soxr is not installed.

    Warns:
        UserWarning: If the file is cut short, or longer than its header says; if channels weaken
            each other by more than 30 dB; if the peak is below −90 dB of full scale.

    Example:
        >>> load(bundled("crow"), 22050).shape
        (10598,)
        >>> load(bundled("crow"), 22050, 0.25, start=0.1, channels="each").shape
        (1, 5512)
    """
    positive_number("sample_rate", sample_rate)
    if duration is not None:
        positive_number("duration", duration)
    nonnegative_number("start", start)
    choice("channels", channels, CHANNELS)
    x, notes = load_with_notes(path, sample_rate, duration, start, channels)
    for note in notes:
        warnings.warn(note, UserWarning, stacklevel=2)
    return x if channels == "each" else x[0]


def save(
    path: str | os.PathLike, x: Float[np.ndarray, "*channel time"], sample_rate: float
) -> float:
    """Write a sound completely or not at all: an existing file stays until it is replaced.

    WAV and FLAC files have 24 bits and a full scale of ±1. A sound that exceeds full scale is
    scaled down to a peak of 1, and so never clipped; other sounds keep their level.

    Args:
        path: Path that ends in .wav, .flac or .ogg, in a folder that exists.
        x: Samples: (time), or (channel, time) with up to 1,024 channels for WAV, 8 for FLAC, 255
            for OGG.
        sample_rate: Sample rate in Hz; files store it as an integer.

    Returns:
        The factor by which the samples were multiplied: 1 unless their peak is greater than 1.

    Raises:
        ValueError: If the path cannot be written, if `x` has other axes, no samples or samples that
            are not finite, or if `sample_rate` is not a positive integer.
        ImportError: If soundfile is not installed.
    """
    path = check_path(path)
    positive_number("sample_rate", sample_rate)
    if sample_rate != int(sample_rate):
        raise ValueError(f"{path}: sample_rate must be an integer to be saved, got {sample_rate}.")
    x = np.asarray(x)
    suffix = path.suffix.lower()
    if x.ndim not in (1, 2) or x.size == 0:
        raise ValueError(
            f"{path}: x must have the axes (time) or (channel, time), and at least one sample, but "
            f"its shape is {x.shape}; save one sound per file."
        )
    if x.ndim == 2 and len(x) > _MAX_CHANNELS[suffix]:
        raise ValueError(
            f"{path}: x must have at most {_MAX_CHANNELS[suffix]} channels for {suffix}, but its "
            f"shape is {x.shape}; write (channel, time), or use another format."
        )
    if not np.isfinite(x).all():
        raise ValueError(f"{path}: every sample must be a finite number to be saved.")
    gain = 1 / max(float(np.abs(x).max()), 1.0)
    soundfile = require("soundfile", "audio")
    how = {"subtype": _SUBTYPES[suffix], "format": suffix[1:].upper()}
    samples = (x * gain).T
    with replacing(path) as partial:
        try:
            soundfile.write(partial, samples, int(sample_rate), **how)
        except (soundfile.SoundFileError, AssertionError, UnicodeEncodeError):
            # libsndfile does not say why it cannot write. Python either says why or succeeds.
            encoded = io.BytesIO()
            soundfile.write(encoded, samples, int(sample_rate), **how)
            partial.write_bytes(encoded.getvalue())
    return gain


def check_path(path: str | os.PathLike) -> Path:
    """Return the path, or raise the `ValueError` that `save` would raise for it."""
    path = Path(path)
    if path.suffix.lower() not in _SUBTYPES:
        raise ValueError(f"{path}: the name of a sound file must end in {', '.join(_SUBTYPES)}.")
    return check_writable(path)
