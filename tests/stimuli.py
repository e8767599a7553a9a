"""Helpers for tests of `jtfs-jax stimuli`: recordings, their tables, and results."""

import csv
import json
from pathlib import Path

import numpy as np

from jtfs_jax import audio

RATE, N = 8000, 1024
BASE = {"sample_rate": RATE, "duration": N / RATE, "J": 2, "Q": 2, "J_fr": 1, "T": "global"}
BASE |= {"optimizer": "bold_driver", "steps": 3}  # compiles fast


def chirp(first, rate, n=2 * N):
    t = np.arange(n) / RATE
    return np.sin(2 * np.pi * (first + rate * t) * t)


def write_sounds():
    """Write two recordings in a subfolder of the current folder."""
    Path("sounds").mkdir()
    audio.save("sounds/up.wav", 0.1 * chirp(400, 1000), RATE)
    audio.save("sounds/down.flac", 0.07 * chirp(900, -100), RATE)


def toml(**settings):
    """Write a table of these settings next to the sounds; return its path."""
    lines = [
        f"{key} = {value if isinstance(value, Raw) else json.dumps(value)}"
        for key, value in (BASE | settings).items()
        if value is not None
    ]
    path = Path("sounds/table.toml")
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


class Raw(str):
    """A TOML value in its written form."""


def rows_of(output):
    with (output / "stimuli.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def sounds_of(output):
    return {
        path.relative_to(output).as_posix(): path.read_bytes() for path in output.rglob("*.wav")
    }
