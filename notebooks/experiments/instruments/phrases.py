"""Random phrases of eight instruments, as notes for `standin` to render."""

from typing import NamedTuple

import numpy as np

START = -0.5  # seconds: phrases start before the clip
CHORDS = ((4, 7), (3, 7), (5, 12), (7, 12), (4, 7, 12), (3, 7, 10))  # semitones above the root


class Voice(NamedTuple):
    """Programs, range and techniques of an instrument."""

    programs: tuple[int, ...]  # of General MIDI, counted from 0
    lowest: int  # MIDI pitch
    highest: int
    chords: bool
    bends: bool


VOICES = (  # by instrument_id of Medley-solos-DB
    Voice((71,), 50, 89, chords=False, bends=True),  # clarinet
    Voice((29, 30), 40, 83, chords=True, bends=True),  # distorted electric guitar
    Voice((52, 53), 57, 81, chords=False, bends=True),  # female singer: aahs and oohs
    Voice((73,), 60, 93, chords=False, bends=True),  # flute
    Voice((0, 1), 33, 96, chords=True, bends=False),  # piano
    Voice((66,), 44, 75, chords=False, bends=True),  # tenor saxophone
    Voice((56,), 54, 84, chords=False, bends=True),  # trumpet
    Voice((40,), 55, 96, chords=False, bends=True),  # violin
)


class Style(NamedTuple):
    """Playing style of all clips of a song."""

    program: int
    center: float  # MIDI pitch around which melodies move
    pace: float  # notes per second
    length: float  # of notes, relative to the time to the next note: staccato < 1 < legato
    velocity: float
    tuning: float  # semitones
    vibrato: float  # depth, semitones
    vibrato_rate: float  # Hz


class Note(NamedTuple):
    """A note, with times in seconds from the start of the clip."""

    onset: float
    offset: float
    pitch: int
    velocity: int


class Phrase(NamedTuple):
    """Notes, and a pitch bend common to all notes, as (time, semitones) in order of time."""

    notes: tuple[Note, ...]
    bend: tuple[tuple[float, float], ...]


def style(random: np.random.Generator, voice: Voice) -> Style:
    """Draw a random playing style."""
    legato = random.random() < 0.6
    return Style(
        program=int(random.choice(voice.programs)),
        center=random.uniform(voice.lowest + 6, voice.highest - 6),
        pace=2.0 ** random.uniform(0.5, 3.0),
        length=random.uniform(1.0, 1.25) if legato else random.uniform(0.3, 0.8),
        velocity=random.uniform(50, 115),
        tuning=random.uniform(-0.4, 0.4),
        vibrato=random.uniform(0.1, 0.5) if voice.bends and random.random() < 0.5 else 0.0,
        vibrato_rate=random.uniform(4.5, 7.0),
    )


def phrase(random: np.random.Generator, voice: Voice, how: Style, duration: float) -> Phrase:
    """Draw a random melody with chords, trills and scoops that starts before the clip."""
    notes, scoops = [], []
    onset, pitch = START, how.center
    while onset < duration:
        interval = random.lognormal(0, 0.35) / how.pace
        pitch = np.clip(
            0.8 * (pitch + random.normal(0, 4)) + 0.2 * how.center, voice.lowest, voice.highest
        )
        velocity = int(np.clip(random.normal(how.velocity, 10), 25, 127))
        stop = onset + interval * how.length
        ornament = random.random()
        if ornament < 0.12:
            notes += _trill(random, onset, stop, round(pitch), velocity)
        else:
            chord = voice.chords and random.random() < 0.5
            above = CHORDS[random.integers(len(CHORDS))] if chord else ()
            pitches = [p for p in (0, *above) if round(pitch) + p <= voice.highest]
            notes += [Note(onset, stop, round(pitch) + p, velocity) for p in pitches]
            if ornament > 0.85:
                scoops.append((onset, random.uniform(0.05, 0.25), random.uniform(-2, 1)))
        onset += interval
    return Phrase(tuple(notes), _bend(how, scoops, duration) if voice.bends else ())


def _trill(
    random: np.random.Generator, onset: float, stop: float, pitch: int, velocity: int
) -> list[Note]:
    """Return a trill, which alternates between two neighboring pitches."""
    step, period = int(random.integers(1, 3)), 1 / random.uniform(12, 20)
    onsets = np.arange(onset, stop, period)
    return [
        Note(float(t), float(t + period), pitch + step * (n % 2), velocity)
        for n, t in enumerate(onsets)
    ]


def _bend(how: Style, scoops: list[tuple[float, float, float]], duration: float) -> tuple:
    """Sample vibrato, and slides into some notes from `depth` semitones away, every 5 ms."""
    times = np.arange(START, duration, 0.005)
    bend = how.vibrato * np.sin(2 * np.pi * how.vibrato_rate * times)
    for onset, length, depth in scoops:
        progress = (times - onset) / length
        bend += np.where((progress >= 0) & (progress < 1), depth * (1 - progress), 0)
    return tuple(zip(times.tolist(), bend.tolist(), strict=True)) if bend.any() else ()
