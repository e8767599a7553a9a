"""Recordings from pipes, and their channels, on the command line."""

import io
import json
import os
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from command import run

import jtfs_jax
from jtfs_jax import audio
from jtfs_jax._cli import _pipes

RATE, N = 8000, 512
SMALL = ("--J=5", "--Q=4", "--T=32", "--J-fr=2", f"--sample-rate={RATE}")
pytestmark = pytest.mark.usefixtures("quick_compile")


@pytest.fixture
def stereo(tmp_path):
    path = tmp_path / "stereo.wav"
    t = np.arange(N) / RATE
    x = 0.3 * np.sin(2 * np.pi * np.stack([400 + 3000 * t, 900 - 2000 * t]) * t)
    soundfile.write(path, x.T, RATE, subtype="FLOAT")
    return path


@pytest.fixture
def no_copies(monkeypatch):
    """State as at the start of a process."""
    for name in ("_copies", "_names"):
        monkeypatch.setattr(_pipes, name, {})


def give(monkeypatch, data):
    given = SimpleNamespace(buffer=io.BytesIO(data), closed=False, isatty=lambda: False)
    monkeypatch.setattr(sys, "stdin", given)


def settings(path):
    with np.load(path) as arrays:
        return json.loads(str(arrays["settings"]))


def test_standard_input(tmp_path, monkeypatch, stereo, no_copies):
    give(monkeypatch, stereo.read_bytes())
    assert run("features", "-", "-o", tmp_path, *SMALL) == 0
    assert run("features", stereo, "-o", tmp_path, *SMALL) == 0
    assert settings(tmp_path / "stdin.npz")["audio"] == "standard input"
    with np.load(tmp_path / "stdin.npz") as found, np.load(tmp_path / "stereo.npz") as expected:
        np.testing.assert_array_equal(found["S2"], expected["S2"])


def test_a_pipe(tmp_path, stereo, no_copies):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(stereo.read_bytes(),))
    writer.start()
    assert run("features", pipe, "-o", tmp_path / "out.npz", *SMALL) == 0
    writer.join()
    assert settings(tmp_path / "out.npz")["audio"] == str(pipe)


def test_standard_input_that_is_no_sound(tmp_path, monkeypatch, capsys, no_copies):
    give(monkeypatch, b"a list of sounds\n" * 9)
    assert run("features", "-", "-o", tmp_path, *SMALL) == 2
    err = capsys.readouterr().err
    assert "error: standard input: this cannot be read as audio: it is a text" in err
    assert not list(tmp_path.iterdir())


def test_each_channel(tmp_path, stereo, capsys):
    output = tmp_path / "out.npz"
    assert run("features", stereo, "-o", output, *SMALL, "--channels=each") == 0
    assert f"{output}: 2 channels, " in capsys.readouterr().out
    bank = jtfs_jax.filterbank(N, J=5, Q=4, T=32, J_fr=2)
    x = audio.load(stereo, RATE, channels="each")
    with np.load(output) as found:
        for name in ("S0", "S1", "S2"):
            expected = getattr(jtfs_jax.jtfs(bank, x), name)
            assert found[name].shape[0] == 2
            np.testing.assert_allclose(found[name], expected, rtol=1e-3, atol=1e-6)
    assert settings(output)["channels"] == "each"


def test_each_channel_without_averaging(tmp_path, stereo):
    output = tmp_path / "out.npz"
    assert run("features", stereo, "-o", output, *SMALL, "--F=0", "--channels=each") == 0
    with np.load(output) as found:
        for p in range(len(found["path_n2"])):
            assert found[f"band_frequencies_{p}"].shape[0] == found[f"S2_{p}"].shape[-2]


def test_channels_that_cancel(tmp_path, stereo, capsys):
    x, _ = soundfile.read(stereo)
    soundfile.write(stereo, np.stack([x[:, 0], -x[:, 0]], axis=1), RATE)
    assert run("features", stereo, "-o", tmp_path, *SMALL) == 2
    assert "2 channels" in capsys.readouterr().err
    assert run("features", stereo, "-o", tmp_path, *SMALL, "--channels=first") == 0


@pytest.mark.parametrize("name", [240 * "a" + ".npz", 80 * "声" + ".npz"])
def test_long_names(tmp_path, stereo, name):
    assert run("features", stereo, "-o", tmp_path / name, *SMALL) == 0
    assert (tmp_path / name).exists()
