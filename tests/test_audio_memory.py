"""Broken files give samples or a helpful error, and memory is bounded by the result."""

import json
import subprocess
import sys

import numpy as np
import soundfile
from fuzz_audio import FORMATS, reports
from helpers import noise

RATE = 44100
MB = 2**20


def test_damaged_files(monkeypatch):
    monkeypatch.setenv("PATH", "")  # without ffmpeg
    found = reports(list(FORMATS), seed=0, count=50)
    assert [ends.pop("format") for ends in found] == list(FORMATS)
    for ends in found:
        assert ends.pop("memory_mb") <= 4 * ends.pop("largest_mb") + 20
        assert set(ends) <= {"read", "refused"}
        assert sum(ends.values()) == 50


MEASURE = """
import json, resource, sys
from jtfs_jax import audio
audio.load(audio.bundled("crow"), 22050)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
for options in json.loads(sys.argv[2]):
    before = peak()
    size = audio.load(sys.argv[1], 22050, **options).nbytes
    print(json.dumps([peak() - before, size]))
"""


def measured(path, *options):
    """Bytes of memory used by loading with each of the options, and the size of the sound."""
    command = [sys.executable, "-c", MEASURE, path, json.dumps(options)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_memory(tmp_path):
    path = tmp_path / "long.wav"
    second = 0.1 * noise(RATE, 4, dtype=np.float64)
    with soundfile.SoundFile(path, "w", RATE, 4) as file:
        for _ in range(240):  # 80 MB
            file.write(second)
    parts = {"duration": 1}, {"duration": 1, "start": 200}, {"duration": 60, "channels": "each"}
    for taken, size in measured(path, *parts, {}):
        assert size > 0
        assert taken <= 4 * size + 16 * MB  # plus the blocks in which samples are read
    path.unlink()


def test_memory_where_the_header_exaggerates(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, 0.1 * noise(RATE, dtype=np.float64), RATE)
    data = path.read_bytes()
    field = int.from_bytes(data[18:26], "big") | 2**36 - 1
    path.write_bytes(data[:18] + field.to_bytes(8, "big") + data[26:])
    [(taken, size)] = measured(path, {})
    assert size == 4 * 22050
    assert taken <= 4 * size + 16 * MB
