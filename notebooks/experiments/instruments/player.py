"""Soundfonts that play phrases."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float

from .medley import N_SAMPLES, SAMPLE_RATE
from .phrases import START, VOICES, Phrase, Style

BEND_RANGE = 4.0  # semitones


class Player:
    """A soundfont that plays phrases."""

    def __init__(self, path: Path):
        try:
            import tinysoundfont
        except ImportError as error:
            raise ImportError(
                f"tinysoundfont could not be imported ({error}); "
                f"install it with: pip install --no-deps tinysoundfont"
            ) from error
        self._synth = tinysoundfont.Synth(samplerate=SAMPLE_RATE, gain=-6)
        self._font = self._synth.sfload(str(path))
        missing = [p for voice in VOICES for p in voice.programs if not self._has(p)]
        if missing:
            raise ValueError(f"{path}: this has no General MIDI programs {missing} (from 0).")

    def play(self, notes: Phrase, how: Style) -> Float[np.ndarray, " time"]:
        """Return the samples of a clip, in mono."""
        synth = self._synth
        synth.program_select(0, self._font, 0, how.program)
        synth.set_tuning(0, how.tuning)
        synth.pitchbend_range(0, BEND_RANGE)
        synth.pitchbend(0, 2**13)
        now, pieces, end = 0, [], N_SAMPLES - round(START * SAMPLE_RATE)
        for time, _, act, *values in sorted(self._events(notes), key=lambda event: event[:2]):
            sample = min(max(round((time - START) * SAMPLE_RATE), now), end)
            pieces.append(self._samples(sample - now))
            now = sample
            act(0, *values)
        pieces.append(self._samples(end - now))
        synth.sounds_off(0)
        self._samples(SAMPLE_RATE // 10)  # remaining sound fades out before the next clip
        return np.concatenate(pieces)[-N_SAMPLES:]

    def _samples(self, n: int) -> Float[np.ndarray, " time"]:
        if n == 0:
            return np.zeros(0, np.float32)
        stereo = np.frombuffer(self._synth.generate_simple(n), np.float32)
        return stereo.reshape(n, 2).mean(1)

    def _has(self, program: int) -> bool:
        return self._synth.sfpreset_name(self._font, 0, program) is not None

    def _events(self, notes: Phrase) -> Iterator[tuple]:
        """Yield (time, rank, method, values); ranks sort simultaneous bends, offsets and onsets."""
        for time, semitones in notes.bend:
            yield time, 0, self._synth.pitchbend, round(2**13 * (1 + semitones / BEND_RANGE))
        for note in notes.notes:
            yield note.offset, 1, self._synth.noteoff, note.pitch
            yield note.onset, 2, self._synth.noteon, note.pitch, note.velocity
