"""`metamer --resume`: a run in parts equals one run, and nothing else resumes it."""

import json
import shutil
import time

import numpy as np
import pytest
from command import run, start

from jtfs_jax import audio

pytestmark = pytest.mark.usefixtures("quick_compile")

RATE, N = 8000, 1024
SMALL = ["--J=4", "--Q=4", "--J-fr=2", "--T=64", f"--sample-rate={RATE}", f"--duration={N / RATE}"]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    t = np.arange(2 * N) / RATE
    for name, rate in [("up", 1000), ("down", -100)]:
        audio.save(folder / f"{name}.wav", 0.3 * np.sin(2 * np.pi * (400 + rate * t) * t), RATE)
    return folder


@pytest.fixture
def folder(tmp_path, monkeypatch, recordings):
    for path in recordings.iterdir():
        shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_run_in_parts_is_one_run(folder):
    options = [*SMALL, "--seed=5", "--count=2", "--optimizer=bold_driver"]
    assert run("metamer", "up.wav", "-o", "whole.wav", "--steps=9", *options) == 0
    assert run("metamer", "up.wav", "-o", "parts.wav", "--steps=4", *options) == 0
    assert run("metamer", "--resume", "parts.wav", "--steps=7") == 0
    # The old argument order, with all options repeated, and a last part with nothing left to do.
    for _ in range(2):
        arguments = ["-o", "parts.wav", "--steps=9", "--resume", *options]
        assert run("metamer", "up.wav", *arguments) == 0
    for name in ("-1.wav", "-2.wav", ".target.wav"):
        assert (folder / f"whole{name}").read_bytes() == (folder / f"parts{name}").read_bytes()
    expected, found = read(folder / "whole.json"), read(folder / "parts.json")
    for left, right in zip(expected["metamers"], found["metamers"], strict=True):
        del left["file"], right["file"]
        assert left == right
    for name in ("settings", "gradient_evaluations", "forward_evaluations", "recording"):
        assert expected[name] == found[name]
    assert len(found["seconds_at_step"]) == 10
    assert "--steps=4" in found["earlier_commands"][0]
    assert len(found["earlier_commands"]) == 3


@pytest.fixture
def made(folder):
    """A run of two steps, saved as `out.wav`."""
    assert run("metamer", "up.wav", "-o", "out.wav", "--steps=2", "--seed=5", *SMALL) == 0
    return folder


WRONG = {
    "recording": (["down.wav"], "down.wav: this recording differs from up.wav"),
    "options": (["--seed=6", "--T=32"], "started with --seed 5, not 6; --T 64, not 32"),
    "several": (["--count=2"], "started with --count 1, not 2; leave out this option"),
    "fewer steps": (["--steps=1"], "--steps 1 is less than the 2 steps of this run"),
    "format": (["-o", "out.flac"], "out.flac: this run writes out.wav"),
    "two names": (["up.wav", "--resume", "out.wav", "-o", "b.wav"], "leave out one of them"),
    "no run": (["--resume", "up.wav"], "up.state.npz: there is no such file to resume from"),
    "another file": (["--resume", "moved.wav"], "moved.wav: this file exists"),
}


@pytest.mark.parametrize("name", WRONG)
def test_conflicts_are_refused_in_words(made, capsys, name):
    arguments, message = WRONG[name]
    shutil.copy("out.state.npz", "moved.state.npz")
    shutil.copy("down.wav", "moved.wav")
    capsys.readouterr()
    before = {path: path.read_bytes() for path in made.iterdir()}
    resume = [] if "--resume" in arguments else ["--resume", "out.wav"]
    if "-o" in arguments and resume:
        resume = ["--resume"]
    assert run("metamer", *resume, *arguments) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert before == {path: path.read_bytes() for path in made.iterdir()}


def test_which_run_a_bare_resume_means(folder, capsys):
    assert run("metamer", "up.wav", "--steps=1", *SMALL) == 0
    assert (folder / "up-metamer.wav").exists()
    assert run("metamer", "--resume", "--steps=2") == 0  # the only state
    assert run("metamer", "up.wav", "--resume", "--steps=3") == 0
    assert run("metamer", "--resume", "up.wav", "--steps=4") == 0
    shutil.copy("up-metamer.state.npz", "b.state.npz")
    capsys.readouterr()
    assert run("metamer", "--resume", "--steps=5") == 2
    assert "several runs in this folder" in capsys.readouterr().err
    assert len(read(folder / "up-metamer.json")["metamers"][0]["error"]) == 5


def test_a_changed_recording_is_noticed(made, capsys):
    shutil.copy("down.wav", "up.wav")
    assert run("metamer", "up.wav", "--resume", "-o", "out.wav", "--steps=3") == 2
    assert "up.wav: this recording has changed since" in capsys.readouterr().err
    assert run("metamer", "--resume", "out.wav", "--steps=3") == 0  # the target is in the state


def test_a_killed_run_goes_on(folder):
    """Nothing that was written is lost, and the rest equals an uninterrupted run."""
    state = folder / "out.state.npz"
    soon = [SMALL[-1], SMALL[-2], "--J=2", "--Q=2", "--J-fr=1", "--T=global"]  # compiled
    process = start("metamer", "up.wav", "-o", "out.wav", "--steps=1000000", *soon)
    try:
        deadline = time.monotonic() + 100
        while not state.exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        process.kill()
        process.communicate()
    assert not (folder / "out.wav").exists()
    assert run("metamer", "--resume", "out.wav", "--steps=4") == 0
    assert run("metamer", "up.wav", "-o", "whole.wav", "--steps=4", *soon) == 0
    found, expected = (read(folder / f"{name}.json")["metamers"][0] for name in ("out", "whole"))
    np.testing.assert_allclose(found["error"], expected["error"], rtol=1e-2)
    assert found["accepted"] == expected["accepted"]
