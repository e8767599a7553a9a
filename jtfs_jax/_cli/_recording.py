"""The recording of a command, and the filterbank for it."""

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from jtfs_jax import _limits, audio
from jtfs_jax._datasets._recordings import Recording
from jtfs_jax._filterbank import FilterBank, filterbank
from jtfs_jax._presets import Options
from jtfs_jax._sounds import _source
from jtfs_jax._sounds._reading import reading

from ._errors import in_options, with_options
from ._pipes import as_file, with_names

_BUNDLED = "guitar_slide"
_CHUNK = 2**20


def source_of(path: Path | None) -> Path:
    """Return the path of the recording, or of the bundled one if none was given."""
    return audio.bundled(_BUNDLED) if path is None else as_file(path)


def name_of(path: Path | None) -> str:
    """Return the name of the recording for records."""
    return f"bundled: {_BUNDLED}" if path is None else with_names(str(as_file(path)))


def load(
    source: Path,
    options: argparse.Namespace,
    duration: float | None = None,
    *,
    start: float | None = None,
) -> Float[np.ndarray, "*channel time"]:
    """Read the part of the recording that the options select; errors name options."""
    with in_options(source, options):
        return audio.load(
            source,
            options.sample_rate,
            duration or options.duration,
            start=options.start if start is None else start,
            channels=options.channels,
        )


def load_part(
    recording: Recording, options: argparse.Namespace
) -> Float[np.ndarray, "*channel time"]:
    """Read a recording; start and duration in its list take precedence over the options."""
    source = source_of(recording.path)
    x = load(source, options, recording.duration, start=recording.start)
    if x.shape[-1] < 2:
        raise ValueError(f"{source}: this has only one sample; use a longer recording.")
    return x


def _n_samples_of(recording: Recording, options: argparse.Namespace) -> int:
    """Return the number of samples from `load_part` according to the file, or 0 if unknown."""
    source = source_of(recording.path)
    try:
        with _source.source(source) as opened, reading(opened) as sound:
            seconds = (sound.stated or 0) / sound.sample_rate
    except (OSError, ValueError):  # reported when the recording is loaded
        return 0
    start, duration = recording.span(options.start, options.duration)
    seconds = max(seconds - start, 0.0)
    return round(min(seconds, duration or seconds) * options.sample_rate)


def segment_filterbank(recordings: Sequence[Recording], options: argparse.Namespace) -> FilterBank:
    """Return filters for segments of recordings, of the length that needs the least work."""
    return filterbank_for([_n_samples_of(recording, options) for recording in recordings], options)


def filterbank_for(lengths: Sequence[int], options: argparse.Namespace) -> FilterBank:
    """Return filters for segments of signals with these numbers of samples."""
    try:
        n_samples = _limits.segment_length_for(lengths, options.J, options.T, options.preset)
        return filterbank(n_samples, options.J, options.Q, **_of_scattering(options))
    except ValueError as error:
        raise ValueError(with_options(str(error), vars(options))) from error


def facts_of(source: Path) -> dict[str, object]:
    """Return the file name, hash, sample rate and number of channels of a recording."""
    digest = hashlib.sha256()
    with source.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    with _source.source(source) as opened, reading(opened) as sound:
        return {
            "file": Path(with_names(str(source))).name,
            "sha256": digest.hexdigest(),
            "sample_rate": sound.sample_rate,
            "channels": sound.n_channels,
        }


def scattering_filterbank(source: Path, n_samples: int, options: argparse.Namespace) -> FilterBank:
    """Return filters for the transform that the options select; errors name the recording."""
    return first_order_filterbank(source, n_samples, options, **_of_scattering(options))


def _of_scattering(options: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of `filterbank` that the first order alone does not need."""
    is_joint = getattr(options, "transform", "jtfs") == "jtfs"
    names = ("T", "preset", *(("J_fr", "Q_fr", "F") if is_joint else ()))
    return {name: getattr(options, name) for name in names}


def first_order_filterbank(
    source: Path, n_samples: int, options: argparse.Namespace, **others
) -> FilterBank:
    """Return filters for the first order; `others` are arguments of `filterbank` for more."""
    if n_samples < 2**options.J:
        raise ValueError(
            f"{source}: --J {options.J} needs at least 2^{options.J} = {2**options.J} samples, but "
            f"the recording has {n_samples} at {options.sample_rate} Hz; use a longer recording or "
            f"a lower --J."
        )
    with in_options(source, options):
        return filterbank(n_samples, options.J, options.Q, **others)


def settings_of(
    bank: FilterBank, sample_rate: int, n_samples: int | None = None
) -> dict[str, object]:
    """Return the settings on which coefficients depend, besides the recording."""
    return {
        "sample_rate": sample_rate,
        "n_samples": n_samples or bank.n_samples,
        "J": bank.J[0],
        "Q": bank.Q[0],
        "T": bank.T,
        "J_fr": bank.J_fr,
        "Q_fr": bank.Q_fr,
        "F": bank.F,
        **{name: getattr(bank, name) for name in Options._fields},
    }
