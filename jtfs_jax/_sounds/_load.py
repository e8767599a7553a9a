"""The samples of a file, and warnings about them."""

import math
import os
from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import Float

from ._channels import Channels, Mix
from ._decoded import Block, Decoded
from ._reading import reading
from ._source import source
from ._span import Span

_HIGHEST_RATIO = 1000  # of two sample rates; no sound needs more
_WEAK, _CANCELED = 30, 60  # dB by which the mean of the channels is below the channels
_QUIET = -90  # dB re full scale, about one 16-bit step


def load_with_notes(
    path: str | os.PathLike,
    sample_rate: float,
    duration: float | None,
    start: float,
    channels: Channels,
) -> tuple[Float[np.ndarray, "channel time"], list[str]]:
    """Return the samples at the requested rate, and warnings; see `jtfs_jax.audio.load`."""
    x, name, span, sound, mix = _read(path, sample_rate, duration, start, channels)
    _check_loudness(name, x, sound, mix, _where(start, duration))
    notes = [_about_length(span, sound), _about_loudness(x, mix, sound.n_channels)]
    return x, [f"{name}: {note}." for note in notes if note]


def samples(
    path: str | os.PathLike,
    sample_rate: float,
    duration: float | None,
    start: float,
    channels: Channels,
) -> Float[np.ndarray, "channel time"]:
    """Return the samples of a part of a sound, which may be silent, without warnings."""
    return _read(path, sample_rate, duration, start, channels)[0]


def _read(
    path: str | os.PathLike,
    sample_rate: float,
    duration: float | None,
    start: float,
    channels: Channels,
) -> tuple[Float[np.ndarray, "channel time"], str, Span, Decoded, Mix]:
    with source(path) as file, reading(file) as sound:
        _check_rate(file.name, sound.sample_rate, sample_rate)
        span = Span(sound.sample_rate, sample_rate, start, duration)
        mix = Mix(channels, sound.n_channels)
        blocks = (mix(block) for block in _finite(file.name, span.first, span.of(sound.blocks)))
        x = span.resampled(blocks, mix.n_channels)
    _check_samples(file.name, x, span, sound)
    return x, file.name, span, sound, mix


def _check_rate(name: str, native: int, sample_rate: float) -> None:
    ratio = max(native / sample_rate, sample_rate / native) if native > 0 else math.inf
    if ratio > _HIGHEST_RATIO:
        raise ValueError(
            f"{name}: it claims a sample rate of {native:,} Hz, more than a factor of "
            f"{_HIGHEST_RATIO:,} from the requested sample_rate, {sample_rate:,g} Hz; correct the "
            f"rate in the file, or choose another sample_rate."
        )


def _finite(name: str, first: int, blocks: Iterable[Block]) -> Iterator[Block]:
    """Yield the blocks; raise a `ValueError` if a sample is not finite."""
    for block in blocks:
        finite = np.isfinite(block).all(axis=1)
        if not finite.all():
            raise ValueError(
                f"{name}: every sample must be a finite number, but sample "
                f"{first + int(finite.argmin())} is not; repair the file or use another recording."
            )
        first += len(block)
        yield block


def _check_samples(name: str, x: np.ndarray, span: Span, sound: Decoded) -> None:
    """Raise if there are no samples, with the reason."""
    if x.shape[1]:
        return
    if span.n_read == 0:
        if sound.damage:
            raise ValueError(f"{name}: it is damaged ({sound.damage}); use another copy of it.")
        raise ValueError(
            f"{name}: it has a header but no samples: the file is empty, or it was cut short; "
            f"copy or record it again."
        )
    seconds = span.n_read / span.native
    if span.start >= seconds:
        raise ValueError(
            f"{name}: start must be less than the length of the sound, {_seconds(seconds)}, "
            f"got {_seconds(span.start)}."
        )
    raise ValueError(
        f"{name}: it is too short; its {span.n_read:,} samples at {span.native:,} Hz are less "
        f"than one at {span.rate:,g} Hz; use a longer recording or a higher sample_rate."
    )


def _check_loudness(name: str, x: np.ndarray, sound: Decoded, mix: Mix, where: str) -> None:
    """Raise if the sound is silent, or consists of residues of channels that cancel each other."""
    if mix.loss >= _CANCELED:
        raise ValueError(
            f"{name}: it is silent once its {sound.n_channels} channels are averaged, as they "
            f'cancel each other{where}; use only the first channel (channels="first").'
        )
    if not x.any():
        raise ValueError(f"{name}: the sound is silent{where}; use a recording that is not.")


def _about_length(span: Span, sound: Decoded) -> str:
    """Return a warning if the file does not end where its header says."""
    end = _seconds(span.n_read / span.native)
    stated = span.n_read if sound.stated is None else sound.stated
    if span.ended and sound.damage:
        of = f" of {_seconds(stated / span.native)}" if stated > span.n_read else ""
        return f"it is damaged or cut short after {end}{of} ({sound.damage}); this part is read"
    if span.ended and span.n_read < stated - 1:
        of = _seconds(stated / span.native)
        return f"it is cut short: it ends after {end} of the {of} in its header; this part is read"
    if span.ended and sound.doubt:
        return f"it ends after {end} {sound.doubt}"
    if span.n_read > stated + 1:
        return (
            f"its header says that it ends after {_seconds(stated / span.native)}, but the file "
            f"continues; all of it is read"
        )
    return ""


def _about_loudness(x: np.ndarray, mix: Mix, n_channels: int) -> str:
    """Return a warning if there is hardly any sound."""
    peak = 20 * math.log10(float(np.abs(x).max()))
    if mix.loss >= _WEAK:
        return (
            f"the mean of its {n_channels} channels is {mix.loss:.0f} dB below them, as they "
            f'cancel each other; to use only the first channel: channels="first"'
        )
    if peak < _QUIET:
        return (
            f"it is nearly silent: its peak is {-peak:.0f} dB below full scale, so it may consist "
            f"of rounding errors only"
        )
    return ""


def _where(start: float, duration: float | None) -> str:
    """Describe the part of the recording that is read; empty for the whole recording."""
    if duration is None:
        return "" if start == 0 else f" from {_seconds(start)} on"
    if start == 0:
        return f" in its first {_seconds(duration)}"
    return f" from {_seconds(start)} to {_seconds(start + duration)}"


def _seconds(seconds: float) -> str:
    return f"{round(seconds, 3):g} s"
