"""Sound files: loading what was saved, at any rate and with any duration."""

import math
import sys

import numpy as np
import pytest
import soundfile

from jtfs_jax import audio

RATE = 8000
SINE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.float32)


def write(path, x, rate=RATE, subtype="FLOAT"):
    soundfile.write(path, x, rate, subtype=subtype)
    return path


@pytest.mark.parametrize("name", ["crow", "guitar_slide"])
def test_bundled_recordings_load(name):
    x = audio.load(audio.bundled(name), 22050)
    assert x.dtype == np.float32
    assert x.ndim == 1
    assert 0.1 < np.abs(x).max() <= 1.01
    assert f'"{name}"' in audio.bundled(name).with_name("SOURCES.txt").read_text(encoding="utf-8")


def test_unknown_recording():
    with pytest.raises(ValueError, match="crow, guitar_slide, got 'cow'"):
        audio.bundled("cow")


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_what_is_saved_is_loaded(tmp_path, suffix):
    path = tmp_path / f"sine{suffix}"
    assert audio.save(path, SINE, RATE) == 1
    np.testing.assert_allclose(audio.load(path, RATE), SINE, atol=2**-23)


def test_ogg_keeps_duration_and_nearly_the_sound(tmp_path):
    path = tmp_path / "sine.ogg"
    audio.save(path, SINE, RATE)
    found = audio.load(path, RATE)
    assert found.shape == SINE.shape
    assert np.corrcoef(found, SINE)[0, 1] > 0.999  # Vorbis is lossy


def test_save_scales_down_instead_of_clipping(tmp_path):
    path = tmp_path / "loud.wav"
    assert audio.save(path, 8 * SINE, RATE) == pytest.approx(0.25)
    np.testing.assert_allclose(audio.load(path, RATE), 2 * SINE, atol=2**-22)


def test_channels_are_averaged(tmp_path):
    stereo = np.stack([SINE, SINE[::-1]], axis=1)
    path = write(tmp_path / "stereo.wav", stereo)
    np.testing.assert_allclose(audio.load(path, RATE), stereo.mean(axis=1), atol=1e-7)


def test_resampling_keeps_time_and_pitch(tmp_path):
    x = audio.load(write(tmp_path / "sine.wav", SINE), 22050)
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(22050) / 22050)
    assert x.shape == expected.shape
    np.testing.assert_allclose(x[500:-500], expected[500:-500], atol=1e-4)


def test_duration_cuts_after_resampling(tmp_path):
    path = write(tmp_path / "sine.wav", SINE)
    whole = audio.load(path, 22050)
    cut = audio.load(path, 22050, duration=0.5)
    assert cut.shape == (11025,)
    np.testing.assert_allclose(cut, whole[:11025], atol=1e-6)
    np.testing.assert_array_equal(audio.load(path, 22050, duration=9.0), whole)


def with_sample(value):
    x = SINE.copy()
    x[7] = value
    return x


UNREADABLE = {
    "no such file": (lambda path: None, "there is no such file"),
    "a folder": (lambda path: path.mkdir(), "this is a folder"),
    "no bytes": (lambda path: path.touch(), "the file is empty"),
    "no samples": (lambda path: write(path, np.zeros(0)), "the file is empty"),
    "text": (lambda path: path.write_text("no sound"), "cannot be read as audio"),
    "silent": (lambda path: write(path, np.zeros(RATE)), "the sound is silent"),
    "NaN": (lambda path: write(path, with_sample(np.nan)), "but sample 7 is not"),
    "infinite": (lambda path: write(path, with_sample(np.inf)), "but sample 7 is not"),
    "opposite channels": (
        lambda path: write(path, np.stack([SINE, -SINE], axis=1)),
        "silent once its 2 channels are averaged",
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_files_are_named(tmp_path, name):
    make, match = UNREADABLE[name]
    path = tmp_path / "sound.wav"
    make(path)
    with pytest.raises(ValueError, match=match) as raised:
        audio.load(path, RATE)
    assert str(path) in str(raised.value)


def test_silent_beginning(tmp_path):
    path = write(tmp_path / "late.wav", np.concatenate([np.zeros(RATE), SINE]))
    with pytest.raises(ValueError, match=r"silent in its first 0\.5 s"):
        audio.load(path, RATE, duration=0.5)


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
@pytest.mark.parametrize("name", ["sample_rate", "duration"])
def test_load_options_out_of_range(name, value):
    options = {"sample_rate": RATE, "duration": None} | {name: value}
    with pytest.raises(ValueError, match=f"{name} must be a positive number"):
        audio.load(audio.bundled("crow"), **options)


UNWRITABLE = {
    "suffix": ("sound.txt", SINE, RATE, r"must end in \.wav, \.flac, \.ogg"),
    "folder missing": ("missing/sound.wav", SINE, RATE, "there is no folder"),
    "a file as folder": ("a.wav/sound.wav", SINE, RATE, "there is no folder"),
    "a long name": (252 * "a" + ".wav", SINE, RATE, "the name is too long for a file"),
    "a batch": ("sound.wav", SINE[None, None], RATE, r"its shape is \(1, 1, 8000\)"),
    "channels": ("sound.flac", SINE[:90].reshape(9, 10), RATE, "at most 8 channels for .flac"),
    "(time, channel)": ("sound.wav", SINE[:, None], 44100, "at most 1024 channels"),
    "no samples": ("sound.wav", SINE[:0], RATE, "at least one sample"),
    "NaN": ("sound.wav", with_sample(np.nan), RATE, "finite"),
    "rate": ("sound.wav", SINE, 0.5, "sample_rate must be an integer"),
}


@pytest.mark.parametrize("name", UNWRITABLE)
def test_save_rejects(tmp_path, name):
    file, x, rate, match = UNWRITABLE[name]
    with pytest.raises(ValueError, match=match):
        audio.save(tmp_path / file, x, rate)
    assert not list(tmp_path.iterdir())


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "sound.wav"
    audio.save(path, SINE, RATE)
    before = path.read_bytes()

    def fail(file, *args, **kwargs):
        file.write_bytes(b"half a file")
        raise OSError("disk full")

    monkeypatch.setattr(soundfile, "write", fail)
    with pytest.raises(OSError, match="disk full"):
        audio.save(path, -SINE, RATE)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(ImportError, match=r"pip install 'jtfs_jax\[audio\]'"):
        audio.load(audio.bundled("crow"), RATE)
