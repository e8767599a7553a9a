"""`metamer` with recordings of several channels and of any length, and its page."""

import json

import numpy as np
import pytest
import soundfile
from command import run
from helpers import noise, relative_error

import jtfs_jax
from jtfs_jax import audio, resynthesis

pytestmark = pytest.mark.usefixtures("quick_compile")

RATE = 8000
SMALL = ["--J=4", "--Q=4", "--J-fr=2", "--T=64", f"--sample-rate={RATE}"]
LONG = 20_000  # too long for one call with these options


@pytest.fixture
def folder(tmp_path, monkeypatch):
    common, *apart = noise(4, LONG, dtype=float)
    channels = 0.05 * (common + 0.5 * np.array(apart)) * np.array([[1], [0.5], [0.25]])
    audio.save(tmp_path / "stereo.wav", channels[:2, :1500], RATE)
    audio.save(tmp_path / "long.wav", channels[:2], RATE)
    audio.save(tmp_path / "three.flac", channels[:, :1500], RATE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def record(name):
    with open(name, encoding="utf-8") as file:
        return json.load(file)


def error_of(bank, transform, sound, target):
    sounds = (audio.load(path, RATE, channels="each") for path in (sound, target))
    return relative_error(*(transform(bank, x) for x in sounds))


@pytest.mark.parametrize("name", ["stereo.wav", "three.flac"])
def test_a_metamer_has_the_channels_of_the_recording(folder, name):
    assert run("metamer", name, "-o", "out.wav", "--steps=4", *SMALL) == 0
    wanted = soundfile.info(name)
    for file in ("out.wav", "out.target.wav"):
        info = soundfile.info(file)
        assert (info.channels, info.frames) == (wanted.channels, wanted.frames)
    made = record("out.json")["metamers"][0]
    bank = jtfs_jax.filterbank(wanted.frames, J=4, Q=4, J_fr=2, T=64)
    transform = resynthesis.interchannel(jtfs_jax.jtfs)
    error = error_of(bank, transform, "out.wav", name)
    assert error == pytest.approx(made["error"][-1], rel=1e-2)
    assert error < 0.7 * made["error"][0]


def test_channels_are_mixed_down_if_asked(folder):
    assert run("metamer", "stereo.wav", "--steps=1", "--channels=mean", *SMALL) == 0
    assert soundfile.info("stereo-metamer.wav").channels == 1
    target = audio.load("stereo-metamer.target.wav", RATE)
    np.testing.assert_allclose(target, audio.load("stereo.wav", RATE), atol=2e-7)
    assert record("stereo-metamer.json")["settings"]["channels"] == "mean"


def test_long_recordings_are_taken_whole(folder, capsys):
    assert run("metamer", "long.wav", "--steps=3", *SMALL) == 0
    assert soundfile.info("long-metamer.wav").frames == LONG
    assert "2.5 s of sound in 2 channels: 3 steps take about" in capsys.readouterr().err
    made = record("long-metamer.json")
    assert made["settings"]["n_samples"] == LONG
    bank = jtfs_jax.filterbank(LONG, J=4, Q=4, J_fr=2, T=64)
    transform = resynthesis.interchannel(jtfs_jax.jtfs)
    error = error_of(bank, transform, "long-metamer.wav", "long.wav")
    assert error == pytest.approx(made["metamers"][0]["error"][-1], rel=1e-2)


def test_a_long_run_of_two_channels_in_parts_is_one_run(folder):
    assert run("metamer", "long.wav", "-o", "whole.wav", "--steps=3", *SMALL) == 0
    assert run("metamer", "long.wav", "-o", "parts.wav", "--steps=1", *SMALL) == 0
    assert run("metamer", "--resume", "parts.wav", "--steps=3") == 0
    assert (folder / "whole.wav").read_bytes() == (folder / "parts.wav").read_bytes()


def test_the_page_is_of_the_sounds_and_stays_with_the_run(folder, capsys):
    arguments = ["--steps=2", "--count=2", "--page", *SMALL]
    assert run("metamer", "stereo.wav", "-o", "out.wav", *arguments) == 0
    assert "Page: out.html" in capsys.readouterr().out
    page = (folder / "out.html").read_text(encoding="utf-8")
    assert "Metamers of stereo.wav" in page
    assert "seed 0" in page
    assert "seed 1" in page
    assert run("metamer", "--resume", "out.wav", "--steps=3") == 0
    assert (folder / "out.html").read_text(encoding="utf-8") != page


def test_a_page_is_not_replaced_without_a_word(folder, capsys):
    (folder / "out.html").write_text("mine")
    assert run("metamer", "stereo.wav", "-o", "out.wav", "--page", "--steps=1", *SMALL) == 2
    assert "out.html: this file exists" in capsys.readouterr().err
    assert run("metamer", "stereo.wav", "-o", "out.wav", "--steps=1", *SMALL) == 0
    assert (folder / "out.html").read_text() == "mine"
