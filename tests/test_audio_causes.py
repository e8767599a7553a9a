"""Files that cannot be read are refused with their name, the true cause, and a cure."""

import io
import os
import re
import shutil
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from helpers import noise

from jtfs_jax import audio

RATE = 8000
SINE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.float32)
HTML = b"<!DOCTYPE html>\n<html><head><title>404</title></head></html>"
FTYP = b"\0\0\0\x1cftypM4A \0\0\0\0M4A isommp42" + bytes(200)


def written(path, x: np.ndarray = SINE, rate=RATE, **options):
    soundfile.write(path, x, rate, **options)
    return path.read_bytes()


def link_to_nothing(path):
    path.symlink_to(path.with_name("gone.wav"))


def link_to_itself(path):
    path.symlink_to(path)


def headers_of_vorbis(path):
    """Write the header pages without the sound."""
    data = written(path, format="OGG")
    path.write_bytes(data[: data.index(b"OggS", data.index(b"OggS", 4) + 4)])


def with_rate(value):
    def make(path):
        data = written(path)
        path.write_bytes(data[:24] + value.to_bytes(4, "little") + data[28:])

    return make


def of(data):
    return lambda path: path.write_bytes(data)


CAUSES = {  # file name, function that makes the file, pattern of the message
    "absent": ("a.wav", lambda path: None, "there is no such file.*check its name"),
    "absent folder": ("no/a.wav", lambda path: None, "there is no folder .*no"),
    "a link to nothing": ("a.wav", link_to_nothing, r"a link to .*gone\.wav, which does not exist"),
    "a link to itself": ("a.wav", link_to_itself, "a link that leads to itself"),
    "a long name": (300 * "a" + ".wav", lambda path: None, "the name is longer than"),
    "a folder": ("a.wav", lambda path: path.mkdir(), "this is a folder; name a file"),
    "no bytes": ("a.wav", of(b""), r"the file is empty \(0 bytes\)"),
    "few bytes": ("a.wav", of(b"RIFF"), "of 4 bytes, too few for a sound"),
    "no samples": ("a.wav", lambda path: written(path, SINE[:0]), "a header but no samples"),
    "cut Vorbis": ("a.ogg", headers_of_vorbis, "a header but no samples.* it was cut short"),
    "HTML": ("a.mp3", of(HTML), r"it is a web page \(HTML\).*download the sound itself"),
    "Git LFS": ("a.wav", of(b"version https://git-lfs.github.com/spec/v1\n"), "run `git lfs pull`"),
    "text": ("a.au", of(b"a list of sounds\n" * 9), "it is a text file; name a"),
    "ZIP": ("a.flac", of(b"PK\3\4" + bytes(99)), "a ZIP archive; unpack it"),
    "PNG": ("a.wav", of(b"\x89PNG\r\n" + bytes(99)), "it is a picture"),
    "raw": ("a.raw", of(bytes(range(250))), "it has no header.*ffmpeg -f s16le"),
    "unknown": ("a.mp3", of(bytes(5000)), "its format is unknown.*ffmpeg -i .* out.wav"),
    "M4A": ("it's.m4a", of(FTYP), r"begins as MP4 or M4A files do.*ffmpeg -i '.*' out\.wav"),
    "1 Hz": ("a.wav", with_rate(1), "claims a sample rate of 1 Hz.* factor of 1,000"),
    "2 GHz": ("a.wav", with_rate(2 * 10**9), "sample rate of 2,000,000,000 Hz"),
    "4 GHz": ("a.wav", with_rate(4 * 10**9), "its rate or number of channels is impossible"),
    "2 samples": ("a.wav", lambda path: written(path, SINE[:2], 96000), "too short; its 2 samples"),
}


def test_an_address_is_no_file():
    with pytest.raises(ValueError, match=r"a\.wav: this is an address.*download it first"):
        audio.load("https://example.org/a.wav", RATE)


@pytest.mark.parametrize("case", CAUSES)
def test_causes(tmp_path, monkeypatch, case):
    monkeypatch.setenv("PATH", "")  # without ffmpeg
    name, make, words = CAUSES[case]
    path = tmp_path / name
    make(path)
    with pytest.raises(ValueError, match=words) as raised:
        audio.load(path, 22050)
    assert str(raised.value).startswith(f"{path}: ")


def test_a_device_is_no_file():
    with pytest.raises(ValueError, match="/dev/zero: this is a device, not a file"):
        audio.load("/dev/zero", RATE)


@pytest.fixture
def ordinary_user():
    """Run as a user other than the superuser, who may read everything."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


@pytest.fixture
def unreadable(tmp_path):
    path = tmp_path / "a.wav"
    written(path)
    path.chmod(0)
    return path


def test_no_permission(unreadable, ordinary_user):
    with pytest.raises(ValueError, match=r"a\.wav: you may not read this file; change its perm"):
        audio.load(unreadable, RATE)


def test_names_in_no_encoding(tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9.wav"  # Latin-1
    with open(path, "wb") as file:
        soundfile.write(file, SINE, RATE, format="WAV")
    found = audio.load(os.fsdecode(path), RATE)
    np.testing.assert_allclose(found, SINE, atol=2**-15)


@pytest.fixture
def ffmpeg(tmp_path, monkeypatch):
    """A program named ffmpeg that treats the file as 16-bit WAV without checking it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "ffmpeg"

    def make(after=""):
        program.write_text(
            f"#!{sys.executable}\n"
            "import sys, struct\n"
            "path = sys.argv[sys.argv.index('-i') + 1].removeprefix('file:')\n"
            "x = open(path, 'rb').read()[-16000:]\n"
            "out = sys.stdout.buffer\n"
            "out.write(struct.pack('>4s5I', b'.snd', 24, 2**32 - 1, 6, 8000, 1))\n"
            "numbers = [n / 2**15 for n in struct.unpack(f'<{len(x) // 2}h', x)]\n"
            "out.write(struct.pack(f'>{len(numbers)}f', *numbers))\n"
            f"{after}\n"
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))

    return make


def test_other_formats_go_through_ffmpeg(tmp_path, ffmpeg, recwarn):
    path = tmp_path / "-it's :a.m4a"
    path.write_bytes(FTYP + np.int16(SINE * 2**15).tobytes())
    ffmpeg()
    np.testing.assert_allclose(audio.load(path, RATE), SINE, atol=2**-15)
    assert not recwarn
    found = audio.load(path, RATE, 0.25, start=0.5)
    np.testing.assert_allclose(found, SINE[4000:6000], atol=2**-15)


def test_ffmpeg_that_fails_in_the_middle(tmp_path, ffmpeg):
    path = tmp_path / "a.m4a"
    path.write_bytes(FTYP + np.int16(SINE * 2**15).tobytes())
    ffmpeg("print('[aac @ 0x5] channel element is not allocated', file=sys.stderr); sys.exit(69)")
    with pytest.warns(UserWarning, match=r"a\.m4a: it is damaged .* 1 s \(channel element is not"):
        assert len(audio.load(path, RATE)) == RATE


def test_ffmpeg_that_finds_no_sound(tmp_path, ffmpeg):
    path = tmp_path / "a.m4a"
    path.write_bytes(FTYP)
    ffmpeg()
    program = tmp_path / "bin" / "ffmpeg"
    program.write_text("#!/bin/sh\necho \"Stream map '0:a:0' matches no streams.\" >&2\nexit 1\n")
    with pytest.raises(ValueError, match=r"a\.m4a: .*ffmpeg: there is no sound track in it"):
        audio.load(path, RATE)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize("suffix", ["m4a", "webm", "wma", "mka"])
def test_what_ffmpeg_writes_is_read(tmp_path, suffix):
    t = np.arange(44100) / 44100
    x = 0.5 * np.sin(2 * np.pi * (200 + 1500 * t) * t)
    soundfile.write(tmp_path / "a.wav", x, 44100)
    path = tmp_path / f"a.{suffix}"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", tmp_path / "a.wav", "-b:a", "192k", path], check=True
    )
    found = audio.load(path, 44100)
    assert len(found) == pytest.approx(len(x), abs=3000)
    n = 2**17
    products = np.fft.irfft(np.fft.rfft(found, n) * np.fft.rfft(x, n).conj())
    assert products.max() > 0.95 * np.linalg.norm(found) * np.linalg.norm(x)


def test_pipes_are_read(tmp_path):
    data = written(tmp_path / "a.flac")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(data,))
    writer.start()
    np.testing.assert_allclose(audio.load(pipe, RATE), SINE, atol=2**-15)
    writer.join()


def stdin(data, *, terminal=False):
    return SimpleNamespace(buffer=io.BytesIO(data), closed=False, isatty=lambda: terminal)


def test_standard_input_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", stdin(written(tmp_path / "a.mp3")))
    assert len(audio.load("-", RATE)) == RATE


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "standard input: it is closed"),
        (stdin(b"", terminal=True), "standard input: it is a terminal; name a file"),
        (stdin(b""), "standard input: nothing came from it"),
        (stdin(HTML), r"standard input: .* a web page \(HTML\)"),
    ],
)
def test_standard_input_that_cannot_be_read(monkeypatch, given, words):
    monkeypatch.setattr(sys, "stdin", given)
    with pytest.raises(ValueError, match=words):
        audio.load("-", RATE)


def cancelling(dtype_bits, level=0.5):
    """Two channels, x and −x, each rounded separately to this many bits."""
    x = level * noise(RATE, dtype=np.float64) / 4
    step = 2.0 ** (1 - dtype_bits)
    return np.stack([np.floor(x / step), np.floor(-x / step)], axis=1) * step


@pytest.mark.parametrize("bits", [16, 24])
def test_channels_that_cancel_are_refused(tmp_path, bits):
    path = tmp_path / "a.wav"
    written(path, cancelling(bits) + 0.01, subtype="PCM_24")  # a constant makes no difference
    with pytest.raises(ValueError, match=r'2 channels are averaged.*channels="first"') as raised:
        audio.load(path, RATE)
    assert str(path) in str(raised.value)
    x = audio.load(path, RATE, channels="first")
    assert 0.1 < x.std() < 0.2
    both = audio.load(path, RATE, channels="each")
    np.testing.assert_allclose(both[0] - 0.01, 0.01 - both[1], atol=2.0**-14)


def test_channels_that_weaken_each_other_are_reported(tmp_path):
    path = tmp_path / "a.wav"
    written(path, np.stack([SINE, -0.99 * SINE], axis=1), subtype="FLOAT")
    with pytest.warns(UserWarning, match=r"2 channels is 46 dB below them.*channels=\"first\""):
        audio.load(path, RATE)


def test_independent_channels_are_not_reported(tmp_path, recwarn):
    path = tmp_path / "a.wav"
    written(path, 0.1 * noise(RATE, 16, dtype=np.float64), subtype="FLOAT")
    audio.load(path, RATE)
    assert not recwarn


def test_nearly_silent_sounds_are_reported(tmp_path, recwarn):
    path = tmp_path / "a.wav"
    written(path, 3e-5 * SINE / 0.5, subtype="FLOAT")
    with pytest.warns(UserWarning, match="nearly silent: its peak is 90 dB below full scale"):
        audio.load(path, RATE)
    written(path, 4e-5 * SINE / 0.5, subtype="FLOAT")
    recwarn.clear()
    audio.load(path, RATE)
    assert not recwarn


def test_start_is_past_the_end(tmp_path):
    path = tmp_path / "a.wav"
    written(path)
    with pytest.raises(ValueError, match="start must be less than the length of the sound, 1 s"):
        audio.load(path, RATE, start=1.5)


@pytest.mark.parametrize("native", [8000, 44100, 48000])
@pytest.mark.parametrize(("start", "duration"), [(0.3, 0.25), (1.0001, None), (0.01, 0.5)])
def test_a_part_is_that_of_the_whole(tmp_path, native, start, duration):
    path = tmp_path / "a.wav"
    x = noise(2 * native, 2, dtype=np.float64) * 0.1
    written(path, x, native, subtype="FLOAT")
    whole = audio.load(path, 22050, channels="each")
    part = audio.load(path, 22050, duration, start=start, channels="each")
    begin = round(start * 22050)
    n = whole.shape[1] - begin if duration is None else round(duration * 22050)
    np.testing.assert_allclose(part, whole[:, begin : begin + n], atol=1e-6)


def test_channels_one_by_one(tmp_path):
    path = tmp_path / "a.wav"
    x = np.stack([SINE, 0.5 * SINE[::-1], 0 * SINE], axis=1)
    written(path, x, subtype="FLOAT")
    np.testing.assert_array_equal(audio.load(path, RATE, channels="each"), x.T)
    np.testing.assert_array_equal(audio.load(path, RATE, channels="first"), SINE)
    np.testing.assert_allclose(audio.load(path, RATE), x.mean(axis=1), atol=1e-7)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"start": -1}, "start must be a number of at least 0, got -1"),
        ({"start": np.nan}, "start must be a number of at least 0, got nan"),
        ({"channels": "left"}, "channels must be 'mean' or 'first' or 'each', got 'left'"),
    ],
)
def test_options_out_of_range(options, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        audio.load(audio.bundled("crow"), RATE, **options)
