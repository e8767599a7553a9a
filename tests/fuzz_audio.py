"""Damaged sound files of each format: `audio.load` returns samples or raises a helpful ValueError.

    python tests/fuzz_audio.py --seed 0 --count 2000

Each format runs in its own process, so that crashes, hangs and excessive memory use are detected.
Prints one line of JSON per format: the numbers of files read and refused, and other outcomes.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import soundfile

from jtfs_jax import audio

FORMATS = {"wav": "WAV", "flac": "FLAC", "ogg": "OGG", "mp3": "MP3", "aiff": "AIFF"}
RATE = 8000
SLOW_S = 10.0
EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


def sound(suffix, folder):
    """The bytes of a valid file with two channels."""
    t = np.arange(2 * RATE) / RATE
    x = 0.4 * np.sin(2 * np.pi * np.stack([300 * t, 200 * t**2]).T)
    path = folder / f"good.{suffix}"
    soundfile.write(path, x, RATE, format=FORMATS[suffix])
    return path.read_bytes()


def mutated(good, rng):
    """The bytes with one to four faults, most of them in the header."""
    data = bytearray(good)
    for _ in range(rng.integers(1, 5)):
        header = min(len(data), int(rng.choice([32, 64, 128, 512, len(data)])))
        at = int(rng.integers(max(header, 1)))
        match rng.integers(7):
            case 0:
                data[at : at + 1] = rng.bytes(1)
            case 1:
                data[at : at + 4] = rng.bytes(4)
            case 2 | 3:
                size = int(rng.choice([1, 2, 4, 8]))
                value = int(rng.choice(EXTREMES)) % 256**size
                data[at : at + size] = value.to_bytes(size, str(rng.choice(["little", "big"])))
            case 4:
                del data[at : at + int(rng.integers(1, 9))]
            case 5:
                data[at:at] = rng.bytes(int(rng.integers(1, 9)))
            case 6:
                del data[int(rng.integers(len(data) + 1)) :]
    return with_checksums(bytes(data)) if rng.integers(2) else bytes(data)


def with_checksums(data):
    """The bytes with corrected checksums of Ogg pages, so that decoding proceeds to the faults."""
    pages = data.split(b"OggS")
    if len(pages) == 1:
        return data
    for k, page in enumerate(pages[1:], start=1):
        if len(page) > 22:
            page = page[:18] + bytes(4) + page[22:]
            pages[k] = page[:18] + checksum(b"OggS" + page).to_bytes(4, "little") + page[22:]
    return b"OggS".join(pages)


def checksum(page):
    value = 0
    for byte in page:
        value = (value << 8) & 0xFFFFFFFF ^ CHECKSUMS[value >> 24 ^ byte]
    return value


def _remainder(value):
    for _ in range(8):
        value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value


CHECKSUMS = [_remainder(byte << 24) for byte in range(256)]


def outcome(path):
    """The outcome ("read", "refused", or what is wrong), and the number of samples."""
    begun, size = time.monotonic(), 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            x = audio.load(path, RATE)
        size = x.size
        end = "read" if x.size and np.isfinite(x).all() else "samples that are none"
    except ValueError as error:
        end = "refused" if str(path) in str(error) else f"no name: {error}"
    except Exception as error:
        end = f"{type(error).__name__}: {error}"
    return ("slow" if time.monotonic() - begun > SLOW_S else end), size


def fuzz(suffix, seed, count):
    """Count the outcomes for `count` files; also memory used and the largest sound, in MB."""
    rng = np.random.default_rng([seed, *suffix.encode()])
    ends, largest = {}, 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"damaged.{suffix}"
        good = sound(suffix, Path(folder))
        path.write_bytes(good)
        assert outcome(path)[0] == "read"
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for k in range(count):
            path.write_bytes(mutated(good, rng))
            print(k, file=sys.stderr, flush=True)  # the last number belongs to a crash
            end, size = outcome(path)
            largest = max(largest, size)
            ends[end] = ends.get(end, 0) + 1
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    memory = {"memory_mb": (after - before) / 2**10, "largest_mb": 4 * largest / 2**20}
    return {"format": suffix, **ends, **memory}


def reports(suffixes, seed, count):
    """Findings of `fuzz` in a separate process, or how that process ended."""
    command = [sys.executable, __file__, "--seed", str(seed), "--count", str(count)]
    command += ["--formats", *suffixes, "--here"]
    limit = 60 + SLOW_S * count * len(suffixes) / 20
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return [{"format": " ".join(suffixes), "hang": 1}]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode:
        found.append({"format": suffixes[len(found)], "crash": done.returncode})
        found[-1]["words"] = done.stderr[-300:]  # the last number belongs to the file
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=list(FORMATS))
    parser.add_argument("--here", action="store_true", help="in this process")
    options = parser.parse_args()
    for suffix in options.formats:
        if options.here:
            found = [fuzz(suffix, options.seed, options.count)]
        else:
            found = reports([suffix], options.seed, options.count)
        for line in found:
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
