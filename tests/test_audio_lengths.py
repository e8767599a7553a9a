"""Sounds are read to the actual end of their file, whatever its header says."""

import re
import warnings

import numpy as np
import pytest
import soundfile

from jtfs_jax import audio

RATE = 8000
T = np.arange(3 * RATE) / RATE
SOUND = (0.5 * np.sin(2 * np.pi * (200 + 150 * T) * T)).astype(np.float32)
NOISE = np.random.default_rng(0).standard_normal(len(T)).astype(np.float32)
FORMATS = {"wav": "WAV", "rf64": "RF64", "w64": "W64", "aiff": "AIFF", "au": "AU", "caf": "CAF"}
LITTLE = dict.fromkeys(["wav", "rf64", "w64"], "little")


def written(folder, suffix, x: np.ndarray = SOUND, **options):
    """Path of a sound in this format, and its bytes."""
    path = folder / f"sound.{suffix}"
    soundfile.write(path, x, RATE, format=FORMATS.get(suffix), **options)
    return path, path.read_bytes()


def size_field(data, suffix):
    """Position and width in bytes of the size that the file states for the sound."""
    if suffix == "rf64":
        at = data.index(b"ds64") + 16
        return at, 8
    if suffix == "au":
        return 8, 4
    at = data.index({"aiff": b"SSND"}.get(suffix, b"data"))
    return {"w64": (at + 16, 8), "caf": (at + 4, 8)}.get(suffix, (at + 4, 4))


def with_size(data, suffix, size):
    """The file with its stated size changed."""
    at, n_bytes = size_field(data, suffix)
    order = LITTLE.get(suffix, "big")
    return data[:at] + (size % 256**n_bytes).to_bytes(n_bytes, order) + data[at + n_bytes :]


def loaded(path, data=None, rate=RATE, **options):
    """The samples of these bytes, and the warning texts."""
    if data is not None:
        path.write_bytes(data)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        x = audio.load(path, rate, **options)
    return x, [str(warning.message) for warning in caught]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_cut_in_half_is_read_with_one_warning(tmp_path, suffix):
    path, data = written(tmp_path, suffix)
    x, said = loaded(path, data[: len(data) // 2])
    assert len(x) == pytest.approx(len(SOUND) / 2, abs=2100)  # a CAF file has 4 KiB of header
    np.testing.assert_allclose(x, SOUND[: len(x)], atol=2**-15)
    assert len(said) == 1
    assert re.match(f"{re.escape(str(path))}: it is cut short.* of the 3 s in its header", said[0])
    _, said = loaded(path, duration=0.5)
    assert not said  # nothing is missing from that part


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_header_that_states_less_is_not_believed(tmp_path, suffix):
    path, data = written(tmp_path, suffix, NOISE / 8)
    x, said = loaded(path, with_size(data, suffix, 8000))
    np.testing.assert_allclose(x, NOISE / 8, atol=2**-15)
    assert len(said) == 1
    assert "the file continues" in said[0]


@pytest.mark.parametrize("size", [0, -1, 2**31 - 1, 2**31 - 1 - 36])
def test_streams_state_no_size_and_are_read(tmp_path, size):
    path, data = written(tmp_path, "wav")
    x, said = loaded(path, with_size(data, "wav", size))
    np.testing.assert_allclose(x, SOUND, atol=2**-15)
    assert not said


@pytest.mark.parametrize("suffix", ["w64", "caf", "au", "rf64"])
def test_streams_of_other_formats(tmp_path, suffix):
    path, data = written(tmp_path, suffix)
    x, said = loaded(path, with_size(data, suffix, -1))
    np.testing.assert_allclose(x, SOUND, atol=2**-15)
    assert not said


@pytest.mark.parametrize("pad", [b"", b"\0"])
def test_chunks_after_the_sound_are_no_sound(tmp_path, pad):
    path, data = written(tmp_path, "wav", SOUND[:4001], subtype="PCM_U8")
    after = b"LIST" + (12).to_bytes(4, "little") + b"INFOISFT\2\0\0\0"
    x, said = loaded(path, with_size(data[: 44 + 4001] + pad + after, "wav", 4001))
    assert len(x) == 4001
    assert not said


def test_a_second_file_after_the_first_is_reported(tmp_path):
    path, data = written(tmp_path, "wav")
    x, said = loaded(path, data + data)
    np.testing.assert_allclose(x, SOUND, atol=2**-15)
    assert len(said) == 1
    assert "another file begins" in said[0]


def with_samples(flac, n_samples):
    """The FLAC file with its stated number of samples changed."""
    field = int.from_bytes(flac[18:26], "big") >> 36 << 36 | n_samples
    return flac[:18] + field.to_bytes(8, "big") + flac[26:]


@pytest.mark.parametrize(("stated", "n_said"), [(0, 0), (1000, 1), (10**6, 1), (2**36 - 1, 1)])
@pytest.mark.parametrize("tag", [b"", b"ID3\3\0\0\0\0\0\x10" + bytes(16)])
def test_flac_states_any_number_of_samples(tmp_path, stated, n_said, tag):
    path, data = written(tmp_path, "flac")
    x, said = loaded(path, tag + with_samples(data, stated))
    np.testing.assert_allclose(x, SOUND, atol=2**-15)
    assert len(said) == n_said
    x, said = loaded(path, duration=0.5)
    np.testing.assert_allclose(x, SOUND[: RATE // 2], atol=2**-15)


def test_flac_cut_in_half(tmp_path):
    path, data = written(tmp_path, "flac", NOISE / 8)
    x, said = loaded(path, data[: len(data) // 2])
    assert len(x) > 0.3 * len(NOISE)  # all complete blocks
    np.testing.assert_allclose(x, NOISE[: len(x)] / 8, atol=2**-15)
    assert len(said) == 1
    assert "damaged or cut short" in said[0]


def test_ogg_cut_in_half(tmp_path):
    path, data = written(tmp_path, "ogg", np.tile(NOISE / 8, 4))
    whole, said = loaded(path)
    assert not said
    x, said = loaded(path, data[: len(data) // 2])
    assert 0 < len(x) < len(whole)
    assert len(said) == 1
    assert "the rest may be missing" in said[0]


def mp3(folder, x, level=0.5):
    """A variable-bit-rate MP3; its first frame (Xing) states the number of frames."""
    path = folder / "sound.mp3"
    soundfile.write(path, x, 44100, format="MP3", bitrate_mode="VARIABLE", compression_level=level)
    data = path.read_bytes()
    tag = data.index(b"Xing")
    return path, data, tag


def quiet_then_loud(n=44100):
    """Two channels that take few bits in the first seconds and many in the last."""
    rng = np.random.default_rng(1)
    loud = rng.standard_normal((n, 2)) * 0.1
    quiet = 0.01 * np.sin(np.arange(2 * n) * 0.05)[:, None].repeat(2, axis=1)
    return np.concatenate([quiet, loud, loud]).astype(np.float32)


def without_first_frame(data, tag):
    """Frames after the Xing frame, which begins 36 bytes before its tag (MPEG 1, two channels)."""
    second = data.index(data[tag - 36 : tag - 34], tag)
    return data[second:]


@pytest.mark.parametrize("before", [b"", b"no frame " * 100, b"ID3\3\0\0\0\0\0\x10" + bytes(1000)])
def test_mp3_of_variable_bit_rate_without_its_first_frame(tmp_path, before):
    path, data, tag = mp3(tmp_path, quiet_then_loud())
    whole, said = loaded(path, data, rate=44100)
    assert not said
    frames = without_first_frame(data, tag)
    path.write_bytes(frames)
    assert soundfile.info(path).frames < 0.9 * len(whole)  # as read by libsndfile
    x, said = loaded(path, before + frames, rate=44100)
    assert len(x) == pytest.approx(len(whole), abs=3000)
    assert not said
    # The Xing frame also states the encoder's delay, without which the sound begins later.
    end = slice(150_000, 170_000)
    likeness = [np.corrcoef(x[lag:][end], whole[end])[0, 1] for lag in range(500, 700)]
    assert max(likeness) > 0.999


@pytest.mark.parametrize(("keep", "words"), [(0.5, "cut short"), (2, "the file continues")])
def test_mp3_with_a_wrong_number_of_frames(tmp_path, keep, words):
    path, data, _ = mp3(tmp_path, quiet_then_loud())
    whole, _ = loaded(path, data)
    x, said = loaded(path, (2 * data)[: int(keep * len(data))])
    assert len(said) == 1
    assert words in said[0]
    if keep == 2:
        assert len(x) == pytest.approx(2 * len(whole), abs=0.1 * RATE)
    else:
        np.testing.assert_allclose(x[:8000], whole[:8000], atol=1e-4)


def test_mp3_of_two_rates_is_not_read_by_halves(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")  # without ffmpeg
    path, data, _ = mp3(tmp_path, quiet_then_loud())
    soundfile.write(path, SOUND, RATE, format="MP3")
    path.write_bytes(data + path.read_bytes())
    with pytest.raises(ValueError, match="only the first of the sounds joined"):
        audio.load(path, RATE)


def test_ogg_of_two_streams_is_not_read_by_halves(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    path, data = written(tmp_path, "ogg")
    path.write_bytes(data + data)
    with pytest.raises(ValueError, match="only the first of the sounds joined"):
        audio.load(path, RATE)
