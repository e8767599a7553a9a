"""What commands share: their recording, and the filterbank for it."""

import argparse
import hashlib
from pathlib import Path

import numpy as np
from jaxtyping import Float

from jtfs_jax import audio
from jtfs_jax._filterbank import FilterBank, filterbank
from jtfs_jax._presets import Options
from jtfs_jax._sounds import _source
from jtfs_jax._sounds._reading import reading

from ._errors import in_options
from ._pipes import as_file, with_names

_BUNDLED = "guitar_slide"
_CHUNK = 2**20


def source_of(path: Path | None) -> Path:
    """The recording; the bundled one if none was given."""
    return audio.bundled(_BUNDLED) if path is None else as_file(path)


def name_of(path: Path | None) -> str:
    """The recording as records call it."""
    return f"bundled: {_BUNDLED}" if path is None else with_names(str(as_file(path)))


def load(
    source: Path, options: argparse.Namespace, duration: float | None = None
) -> Float[np.ndarray, "*channel time"]:
    """The part of the recording that the options want; errors speak of these."""
    with in_options(source, options):
        return audio.load(
            source,
            options.sample_rate,
            duration or options.duration,
            start=options.start,
            channels=options.channels,
        )


def n_samples_of(source: Path, options: argparse.Namespace) -> int:
    """Number of samples of what `load` returns, as the file states it; −1 where it does not."""
    try:
        with _source.source(source) as opened, reading(opened) as sound:
            seconds = (sound.stated or 0) / sound.sample_rate
    except (OSError, ValueError):  # which reading it again will explain
        return -1
    seconds = max(seconds - options.start, 0.0)
    return round(min(seconds, options.duration or seconds) * options.sample_rate)


def facts_of(source: Path) -> dict[str, object]:
    """What identifies a recording: its hash, rate and number of channels."""
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


def joint_filterbank(source: Path, n_samples: int, options: argparse.Namespace) -> FilterBank:
    """Filters for `jtfs`, as the options want them; errors name the recording."""
    others = {name: getattr(options, name) for name in ("T", "J_fr", "Q_fr", "F", "preset")}
    return first_order_filterbank(source, n_samples, options, **others)


def first_order_filterbank(
    source: Path, n_samples: int, options: argparse.Namespace, **others
) -> FilterBank:
    """Filters for `scalogram`, if there are no others."""
    if n_samples < 2**options.J:
        raise ValueError(
            f"{source}: --J {options.J} needs at least 2^{options.J} = {2**options.J} samples, and "
            f"the recording has {n_samples} at {options.sample_rate} Hz; take a longer one, or a "
            f"lower --J."
        )
    with in_options(source, options):
        return filterbank(n_samples, options.J, options.Q, **others)


def settings_of(bank: FilterBank, sample_rate: int) -> dict[str, object]:
    """What coefficients depend on, beside the recording."""
    return {
        "sample_rate": sample_rate,
        "n_samples": bank.n_samples,
        "J": bank.J[0],
        "Q": bank.Q[0],
        "T": bank.T,
        "J_fr": bank.J_fr,
        "Q_fr": bank.Q_fr,
        "F": bank.F,
        **{name: getattr(bank, name) for name in Options._fields},
    }
