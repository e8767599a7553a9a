"""The command `metamer`: input and output files, records, errors, interruptions."""

import datetime
import hashlib
import importlib.metadata
import itertools
import json
import platform
import shlex
import signal
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from command import run
from helpers import noise, relative_error

import jtfs_jax
from jtfs_jax import audio
from jtfs_jax._cli import _metamer, _steps

pytestmark = pytest.mark.usefixtures("quick_compile")

RATE, N = 8000, 1024
SMALL = ["--J=4", "--Q=4", "--J-fr=2", "--T=64", f"--sample-rate={RATE}", f"--duration={N / RATE}"]


NAMES = {"out.wav", "out.target.wav", "out.png", "out.json", "out.state.npz"}


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    t = np.arange(2 * N) / RATE
    path = tmp_path_factory.mktemp("recording") / "chirp.wav"
    audio.save(path, 0.3 * np.sin(2 * np.pi * (400 + 1000 * t) * t), RATE)
    return path


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def error_of(*paths):
    """Relative error of the first sound as a metamer of the second."""
    bank = jtfs_jax.filterbank(N, J=4, Q=4, J_fr=2, T=64)
    sounds = (audio.load(path, RATE, N / RATE) for path in paths)
    return relative_error(*(jtfs_jax.jtfs(bank, x) for x in sounds))


def test_metamer_writes_sound_picture_and_record(tmp_path, recording, capsys):
    output = tmp_path / "out.wav"
    assert run("metamer", recording, "-o", output, "--steps=8", "--seed=3", *SMALL) == 0
    assert {path.name for path in tmp_path.iterdir()} == NAMES
    assert (soundfile.info(output).frames, soundfile.info(output).samplerate) == (N, RATE)
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG\r\n")

    record = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    settings = {"seed": 3, "steps": 8, "count": 1, "n_samples": N, "sample_rate": RATE}
    settings |= {"optimizer": "lbfgs", "J": 4, "Q": 4, "T": 64, "J_fr": 2, "Q_fr": 1, "F": 4}
    assert settings.items() <= record["settings"].items()
    assert record["settings"]["pad_mode"] == "reflect"
    assert record["audio"] == str(recording)
    found = record["recording"]
    assert found["sha256"] == hashlib.sha256(recording.read_bytes()).hexdigest()
    assert (found["sample_rate"], found["channels"]) == (RATE, 1)
    date = datetime.datetime.strptime(record["date"], "%Y-%m-%dT%H:%M:%S%z")
    assert abs((datetime.datetime.now(datetime.UTC) - date).total_seconds()) < 600
    assert shlex.split(record["command"])[:3] == ["jtfs-jax", "metamer", str(recording)]
    assert platform.machine() == record["platform"]["machine"]
    target, rate = soundfile.read(tmp_path / record["target"]["file"])
    assert rate == RATE
    np.testing.assert_allclose(target, audio.load(recording, RATE, N / RATE), atol=2e-7)
    assert record["versions"]["jtfs_jax"] == importlib.metadata.version("jtfs_jax")
    assert record["interrupted"] is False
    assert record["seconds"] > 0
    (made,) = record["metamers"]
    assert made["file"] == "out.wav"
    assert len(made["error"]) == len(made["learning_rate"]) == len(made["accepted"]) == 9
    assert made["error"][-1] < made["error"][0]
    assert record["forward_evaluations"] == list(range(1, 10))
    gradients = np.array(record["gradient_evaluations"])
    assert gradients.tolist() == np.cumsum(made["accepted"]).tolist()
    assert (np.diff(record["seconds_at_step"]) >= 0).all()
    assert record["seconds_at_step"][-1] == record["seconds"]
    assert error_of(output, recording) == pytest.approx(made["error"][-1], rel=1e-2)

    out, err = capsys.readouterr()
    assert f"error {100 * made['error'][-1]:.2f} %" in out
    assert "8/8" in err


def test_each_metamer_can_be_made_alone(tmp_path, recording):
    """Identical to the bit, whatever its position among others."""
    output = tmp_path / "out.wav"
    arguments = ["--steps=5", "--count=3", "--seed=7", *SMALL]
    assert run("metamer", recording, "-o", output, *arguments) == 0
    names = {"out-1.wav", "out-2.wav", "out-3.wav"} | NAMES - {"out.wav"}
    assert {path.name for path in tmp_path.iterdir()} == names
    made = read(tmp_path / "out.json")["metamers"]
    assert [one["file"] for one in made] == ["out-1.wav", "out-2.wav", "out-3.wav"]
    alone = tmp_path / "alone.wav"
    arguments = ["--steps=5", f"--seed={made[2]['seed']}", *SMALL]
    assert run("metamer", recording, "-o", alone, *arguments) == 0
    assert alone.read_bytes() == (tmp_path / "out-3.wav").read_bytes()
    sounds = [audio.load(tmp_path / one["file"], RATE) for one in made]
    assert np.abs(np.corrcoef(sounds) - np.eye(3)).max() < 0.5


def test_metamer_of_time_scattering(tmp_path, recording):
    arguments = ["-o", tmp_path / "out.wav", "--steps=8", "--transform=time_scattering", *SMALL]
    assert run("metamer", recording, *arguments) == 0
    record = read(tmp_path / "out.json")
    assert record["settings"]["transform"] == "time_scattering"
    assert record["settings"]["J_fr"] is None
    bank = jtfs_jax.filterbank(N, J=4, Q=4, T=64)
    sounds = (audio.load(tmp_path / name, RATE) for name in ("out.wav", "out.target.wav"))
    error = relative_error(*(jtfs_jax.time_scattering(bank, x) for x in sounds))
    assert error == pytest.approx(record["metamers"][0]["error"][-1], rel=1e-2)


def test_one_gain_for_all_sounds_of_a_run(tmp_path, capsys):
    t = np.arange(N) / RATE
    loud = 1.3 * np.sin(2 * np.pi * (400 + 3000 * t) * t)
    soundfile.write(tmp_path / "loud.wav", loud, RATE, subtype="FLOAT")
    output = tmp_path / "out.wav"
    arguments = ["-o", output, "--steps=2", "--count=2", *SMALL]
    assert run("metamer", tmp_path / "loud.wav", *arguments) == 0
    record = read(tmp_path / "out.json")
    sounds = [record["target"], *record["metamers"]]
    (gain,) = {sound["gain"] for sound in sounds}
    assert max(sound["peak"] for sound in sounds) == pytest.approx(1)
    for sound in sounds:
        y, _ = soundfile.read(tmp_path / sound["file"])
        assert np.abs(y).max() == pytest.approx(sound["peak"], abs=1e-6)
        assert np.sqrt((y**2).mean()) == pytest.approx(sound["rms"], abs=1e-6)
    target = audio.load(tmp_path / "out.target.wav", RATE)
    np.testing.assert_allclose(target, gain * loud, atol=1e-6)
    assert f"(gain {gain:.3f})" in capsys.readouterr().err


def test_defaults_are_the_bundled_guitar_and_metamer_wav(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("metamer", "--steps=1", *SMALL) == 0
    record = json.loads((tmp_path / "metamer.json").read_text(encoding="utf-8"))
    assert "guitar_slide" in record["audio"]
    assert (tmp_path / "metamer.wav").exists()


def make(x):
    return lambda path: soundfile.write(path, x, RATE, subtype="FLOAT")


NOISE = noise(N, dtype=np.float64) / 10
BAD_RECORDINGS = {
    "missing": (lambda path: None, "there is no such file"),
    "not audio": (lambda path: path.write_text("text"), "cannot be read as audio"),
    "no bytes": (lambda path: path.touch(), "the file is empty"),
    "empty": (make(np.zeros(0)), "the file is empty"),
    "silent": (make(np.zeros(N)), "silent"),
    "NaN": (make(np.full(N, np.nan)), "sample 0 is not"),
    "too short": (make(NOISE[:10]), "--J 4 needs at least 2^4 = 16 samples"),
    "shorter than T": (make(NOISE[:63]), "64"),
}
BAD_OPTIONS = {
    "folder missing": (["-o", "missing/out.wav"], "there is no folder missing"),
    "not a sound": (["-o", "out.txt"], "must end in .wav"),
    "output is a folder": (["-o", "folder.wav"], "this is a folder"),
    "picture is a folder": (["-o", "picture.wav"], "picture.png: this is a folder"),
    "output is the input": (["-o", "good.wav"], "this is the recording itself"),
    "steps": (["--steps", "0"], "--steps: must be an integer, at least 1, got '0'"),
    "seed": (["--seed", "-1"], "--seed: must be an integer, between 0 and 4294967295"),
    "count": (["--count", "two"], "--count: must be an integer, at least 1, got 'two'"),
    "duration": (["--duration", "nan"], "--duration: must be a positive number, got 'nan'"),
    "sample rate": (["--sample-rate", "0"], "--sample-rate: must be an integer, between 100"),
    "J": (["--J", "31"], "--J: must be an integer, between 1 and 30"),
    "T": (["--T", "all"], "--T: must be a number or \"global\", got 'all'"),
    "T too long": (["--T", "5000"], "--T must be 0 (no averaging) or between 1 and 1024"),
    "J_fr too large": (["--J-fr", "9"], "lower --J-fr or raise --Q."),
    "F too large": (["--F", "1000"], "for the mean over all of them, use --F global."),
    "optimizer": (["--optimizer", "adam"], "--optimizer: invalid choice: 'adam'"),
    "nothing to resume": (["--resume"], "metamer.state.npz: there is no such file to resume from"),
    "not a state": (["--resume", "-o", "text.wav"], "text.state.npz: this is not the state of a"),
    "half a state": (["--resume", "-o", "half.wav"], "half.state.npz: this is not the state of a"),
    "unknown": (["--speed", "9"], "unrecognized arguments: --speed 9"),
    "abbreviation": (["--step", "9"], "unrecognized arguments: --step 9"),
    "start": (["--start", "-1"], "--start: must be a number, at least 0, got '-1'"),
    "start after the end": (["--start", "9"], "good.wav: "),
    "file exists": (["-o", "old.wav"], "old.wav: this file exists"),
    "one of five exists": (["-o", "five.wav", "--count=5"], "five-4.wav: this file exists"),
    "picture exists": (["-o", "drawn.wav"], "drawn.png: this file exists"),
    "state exists": (["-o", "text.wav"], "--resume to continue its run"),
}


def assert_refused(folder, capsys, arguments, message):
    before = sorted(folder.rglob("*"))
    assert run("metamer", *arguments) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert err.startswith("jtfs-jax")
    assert err.count("\n") == 1
    assert not out
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("name", BAD_RECORDINGS)
def test_bad_recordings(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    write, message = BAD_RECORDINGS[name]
    write(tmp_path / "bad.wav")
    assert_refused(tmp_path, capsys, [*SMALL, "bad.wav"], message)


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_bad_options(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    make(NOISE)(tmp_path / "good.wav")
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "picture.png").mkdir()
    for file in ("text.state.npz", "old.wav", "five-4.wav", "drawn.png"):
        (tmp_path / file).write_text("text")
    np.savez(tmp_path / "half.npz", leaf_0=np.zeros(2))
    (tmp_path / "half.npz").rename(tmp_path / "half.state.npz")
    options, message = BAD_OPTIONS[name]
    assert_refused(tmp_path, capsys, ["good.wav", *SMALL, *options], message)


@pytest.fixture(autouse=True)
def answered_ctrl_c():
    """Restore Ctrl-C, which shells make background programs such as the tests ignore."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


def press_ctrl_c(monkeypatch, step, presses=1):
    """Press Ctrl-C while this step is reported."""
    report, steps = _steps.Steps.__call__, itertools.count()

    def interrupted(progress, state):
        if next(steps) == step:
            for _ in range(presses):
                signal.raise_signal(signal.SIGINT)
        return report(progress, state)

    monkeypatch.setattr(_steps.Steps, "__call__", interrupted)


def test_interruption_keeps_the_best_so_far(tmp_path, monkeypatch, recording, capsys):
    press_ctrl_c(monkeypatch, step=5)
    handler = signal.getsignal(signal.SIGINT)
    output = tmp_path / "out.wav"
    assert run("metamer", recording, "-o", output, "--steps=100000", *SMALL) == 130
    assert signal.getsignal(signal.SIGINT) is handler
    record = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert record["interrupted"] is True
    errors = record["metamers"][0]["error"]
    assert len(errors) == 6
    assert error_of(output, recording) == pytest.approx(min(errors), rel=1e-2)
    assert (tmp_path / "out.png").exists()
    assert "after 5 steps" in capsys.readouterr().out


@pytest.mark.parametrize(("step", "presses"), [(0, 1), (2, 2)])
def test_interruption_of_the_compilation_or_twice_writes_no_results(
    tmp_path, monkeypatch, recording, capsys, step, presses
):
    press_ctrl_c(monkeypatch, step, presses)
    assert run("metamer", recording, "-o", tmp_path / "out.wav", *SMALL) == 130
    state = ["out.state.npz"] if step else []  # from which the run continues
    assert [path.name for path in tmp_path.iterdir()] == state
    assert capsys.readouterr().err.endswith("interrupted\n")


def test_a_state_that_cannot_be_written_does_not_end_the_run(
    tmp_path, monkeypatch, recording, capsys
):
    monkeypatch.setattr(_steps, "_SECONDS_BETWEEN_STATES", 0.0)
    monkeypatch.setattr(np, "savez", no_space)
    assert run("metamer", recording, "-o", tmp_path / "out.wav", "--steps=2", *SMALL) == 0
    assert {path.name for path in tmp_path.iterdir()} == NAMES - {"out.state.npz"}
    assert "The state could not be written: No space left" in capsys.readouterr().err


def no_space(*args, **kwargs):
    raise OSError("No space left on device")


def ctrl_c(*args, **kwargs):
    raise KeyboardInterrupt  # the signal itself may be ignored, as in background jobs of a shell


@pytest.mark.parametrize(
    ("fail", "status", "message"),
    [(no_space, 1, "error: No space left on device"), (ctrl_c, 130, "interrupted")],
)
def test_failure_to_write_leaves_what_was_there(
    tmp_path, monkeypatch, recording, capsys, fail, status, message
):
    for name in NAMES:
        (tmp_path / name).write_text(f"old {name}")
    # The picture is drawn after the sound is written to a temporary file.
    monkeypatch.setattr(_metamer.plot, "metamer", fail)
    arguments = ["-o", tmp_path / "out.wav", "--steps=1", "--overwrite", *SMALL]
    assert run("metamer", recording, *arguments) == status
    assert capsys.readouterr().err.splitlines()[-1].endswith(message)
    assert {path.name for path in tmp_path.iterdir()} == NAMES
    for name in NAMES - {"out.state.npz"}:  # written earlier, for resuming
        assert (tmp_path / name).read_text() == f"old {name}"


@pytest.mark.parametrize("missing", ["matplotlib", "soundfile", "soxr", "tqdm"])
def test_missing_extra_is_said_before_the_work(tmp_path, monkeypatch, recording, capsys, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    assert run("metamer", recording, "-o", tmp_path / "out.wav", *SMALL) == 1
    err = capsys.readouterr().err
    assert "pip install 'jtfs_jax[audio,plot]'" in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_help_and_version(capsys):
    assert run("--help") == 0
    assert "metamer" in capsys.readouterr().out
    assert run("metamer", "--help") == 0
    text = capsys.readouterr().out
    assert "Ctrl-C" in text
    assert max(map(len, text.splitlines())) <= 100
    assert run("--version") == 0
    assert importlib.metadata.version("jtfs_jax") in capsys.readouterr().out


def test_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "jtfs_jax", "metamer", "--steps=0"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("jtfs-jax metamer: error: argument --steps")
