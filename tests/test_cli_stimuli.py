"""The command `stimuli`: from a table to a set of sounds, in one run or in parts."""

import hashlib
import importlib.metadata
import itertools
import json
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile
from command import finish, run, start
from stimuli import RATE, N, chirp, rows_of, sounds_of, toml, write_sounds

from jtfs_jax import audio
from jtfs_jax._cli import _steps, _stimuli

pytestmark = pytest.mark.usefixtures("quick_compile")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_sounds()
    return tmp_path


# ---- Sounds ------------------------------------------------------------------------------------


def test_factorial_set(folder, capsys):
    table = toml(
        recordings=["up.wav", "down.flac"],
        transform=["jtfs", "time_scattering"],
        T=[16, "global"],
        seeds=2,
    )
    assert run("stimuli", table, "-o", "out") == 0
    output = folder / "out"
    out, err = capsys.readouterr()
    assert "16 metamers of 2 recordings: 48 steps take about" in err
    assert "out: 16 metamers of 2 recordings, errors" in out
    rows = rows_of(output)
    assert len(rows) == 18
    assert {row["file"] for row in rows} == sounds_of(output).keys()
    assert rows[0]["file"] == "up/up.target.wav"
    assert rows[1]["file"] == "up/up-jtfs-T16-seed0.wav"
    for row in rows:
        data = (output / row["file"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == row["sha256"]
        source = (folder / "sounds" / row["recording"]).read_bytes()
        assert hashlib.sha256(source).hexdigest() == row["recording_sha256"]
        y, rate = soundfile.read(output / row["file"])
        assert (rate, len(y)) == (RATE, N) == (int(row["sample_rate"]), int(row["n_samples"]))
        assert 20 * np.log10(np.sqrt((y**2).mean())) == pytest.approx(
            float(row["rms_dbfs"]), abs=1e-2
        )
        assert np.abs(y).max() == pytest.approx(float(row["peak"]), abs=1e-5)
        assert float(row["gain"]) == 1
    assert (rows[1]["J_fr"], rows[1]["F"], rows[1]["steps"]) == ("1", "2", "3")
    assert rows[1]["jtfs_jax"] == importlib.metadata.version("jtfs_jax")
    assert (rows[-1]["transform"], rows[-1]["J_fr"]) == ("time_scattering", "")
    record = json.loads((output / "stimuli.json").read_text(encoding="utf-8"))
    assert record["table"]["content"]["T"] == [16, "global"]
    assert len(record["errors"]["up/up-jtfs-T16-seed0.wav"]) == 4
    assert float(rows[1]["error"]) == record["errors"]["up/up-jtfs-T16-seed0.wav"][-1]
    assert "stimuli" in record["command"]

    # Each sound equals the result of `metamer`.
    for row in (rows[2], rows[-1]):
        names = ("transform", "T", "seed", "steps", "optimizer", "J", "Q", "duration")
        options = [f"--{name}={row[name]}" for name in names]
        source = f"sounds/{row['recording']}"
        options += [f"--sample-rate={RATE}", "--J-fr=1"]
        assert run("metamer", source, "-o", "alone.wav", "--overwrite", *options) == 0
        assert (folder / "alone.wav").read_bytes() == (output / row["file"]).read_bytes()
        assert (folder / "alone.target.wav").read_bytes() == (
            output / row["recording"].split(".")[0] / f"{row['recording'].split('.')[0]}.target.wav"
        ).read_bytes()


def test_levels_and_ramps_are_of_recordings_and_may_be_changed(folder, capsys):
    table = toml(recordings=["up.wav", "down.flac"], seeds=2)
    assert run("stimuli", table, "-o", "out") == 0
    before = {
        row["file"]: soundfile.read(f"out/{row['file']}")[0] / float(row["gain"])
        for row in rows_of(Path("out"))
    }
    capsys.readouterr()
    toml(recordings=["up.wav", "down.flac"], seeds=2, level="rms", target_level=-31.5, ramp=0.01)
    assert run("stimuli", table, "-o", "out") == 0
    assert "steps" not in capsys.readouterr().err  # no search was repeated
    rows = rows_of(Path("out"))
    gains = {}
    window = np.ones(N)
    window[:80] = 0.5 - 0.5 * np.cos(np.pi * np.arange(80) / 80)
    window[-80:] = window[:80][::-1]
    for row in rows:
        gain = gains.setdefault(row["recording"], float(row["gain"]))
        assert float(row["gain"]) == gain
        if row["kind"] == "target":
            assert float(row["rms_dbfs"]) == pytest.approx(-31.5, abs=1e-3)
        y, _ = soundfile.read(f"out/{row['file']}")
        np.testing.assert_allclose(y, gain * window * before[row["file"]], atol=5e-7)
        assert y[0] == y[-1] == 0
    assert len(gains) == 2


def test_one_gain_for_the_set_against_clipping(folder, capsys):
    table = toml(recordings=["up.wav", "down.flac"], level="rms", target_level=-1)
    assert run("stimuli", table, "-o", "out") == 0
    rows = rows_of(folder / "out")
    assert max(float(row["peak"]) for row in rows) == pytest.approx(1)
    targets = [float(row["rms_dbfs"]) for row in rows if row["kind"] == "target"]
    assert targets[0] == pytest.approx(targets[1], abs=1e-3)
    gain = 10 ** ((targets[0] + 1) / 20)
    assert f"(gain {gain:.3f})" in capsys.readouterr().err


def test_loudness_of_two_channels(folder):
    n = 3600  # 0.45 s
    sounds = {"a.wav": (0.3, 0.1), "b.wav": (0.02, 0.05)}
    for name, levels in sounds.items():
        x = np.stack([level * chirp(400, 500, n) for level in levels])
        audio.save(f"sounds/{name}", x, RATE)
    table = toml(
        recordings=list(sounds), duration=None, level="loudness", target_level=-23, steps=1
    )
    assert run("stimuli", table, "-o", "out") == 0
    rows = rows_of(folder / "out")
    meter = pyloudnorm.Meter(RATE)
    for row in rows:
        y, _ = soundfile.read(f"out/{row['file']}")
        assert y.shape == (n, 2)
        assert row["n_channels"] == "2"
        found = meter.integrated_loudness(y)
        assert found == pytest.approx(float(row["loudness_lufs"]), abs=0.01)
        if row["kind"] == "target":
            assert found == pytest.approx(-23, abs=0.01)


def test_page_has_a_comparison_for_each_condition(folder):
    table = toml(recordings=["up.wav", "down.flac"], steps=[1, 2], seeds=2)
    assert run("stimuli", table, "-o", "out", "--page", "--quiet") == 0
    page = (folder / "out/stimuli.html").read_text(encoding="utf-8")
    for name in ("up-steps1", "up-steps2", "down-steps1", "down-steps2"):
        assert f'"{name}"' in page
    assert page.count('"seed 1"') == 4


# ---- Sets in parts -----------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def answered_ctrl_c():
    """Restore Ctrl-C, which shells make background programs such as the tests ignore."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


def test_ctrl_c_and_then_more_steps_seeds_and_recordings(folder, monkeypatch, capsys):
    report, calls = _steps.Steps.__call__, itertools.count()

    def interrupted(steps, state):
        if next(calls) == 5:
            signal.raise_signal(signal.SIGINT)
        return report(steps, state)

    table = toml(recordings=["up.wav"], seeds=2)
    with monkeypatch.context() as context:
        context.setattr(_steps.Steps, "__call__", interrupted)
        assert run("stimuli", table, "-o", "out") == 130
    assert "1 of 2 metamers are complete; the same command continues" in capsys.readouterr().err
    assert not sounds_of(folder / "out")
    more = {"recordings": ["up.wav", "down.flac"], "seeds": 3, "steps": 5}
    toml(**more)
    assert run("stimuli", table, "-o", "out") == 0
    assert run("stimuli", table, "-o", "whole") == 0
    assert sounds_of(folder / "out") == sounds_of(folder / "whole")
    found, expected = ((folder / name / "stimuli.csv").read_bytes() for name in ("out", "whole"))
    assert found == expected


@pytest.fixture
def made(folder):
    assert run("stimuli", toml(recordings=["up.wav"], seeds=2, T=16), "-o", "out") == 0
    return folder


CHANGED = {
    "setting": ({"T": 32}, "metamer up-seed0 of this set was made with T 16, not 32; change the"),
    "name": ({"T": [16, 32]}, "does not request the metamer up-seed0 of this set, but others "),
    "fewer seeds": ({"seeds": 1}, "does not request the metamer up-seed1"),
    "fewer steps": ({"steps": 2}, "was made with 3 steps, but sounds/table.toml requests 2"),
    "recording": ({}, "made from a recording that differs from the current sounds/up.wav"),
}


def test_other_tables_are_refused_and_overwrite_begins_anew(made, capsys):
    before = {path: path.read_bytes() for path in made.rglob("out/**/*") if path.is_file()}
    table = {"recordings": ["up.wav"], "seeds": 2, "T": 16}
    for name, (change, message) in CHANGED.items():
        if name == "recording":
            audio.save("sounds/up.wav", 0.3 * chirp(500, 900), RATE)
        capsys.readouterr()
        assert run("stimuli", toml(**table | change), "-o", "out") == 2
        err = capsys.readouterr().err
        assert err.startswith("jtfs-jax stimuli: error: out: ")
        assert message in err
        assert "or --overwrite to start over" in err
        assert before == {path: path.read_bytes() for path in before}
    path = toml(**table | {"seeds": [4]})
    (made / "out/notes.txt").write_text("mine")
    assert run("stimuli", path, "-o", "out", "--overwrite") == 0
    assert sounds_of(made / "out").keys() == {"up/up.target.wav", "up/up-seed4.wav"}
    assert [path.name for path in (made / "out/.state").glob("*.npz")] == ["up-seed4.npz"]
    assert (made / "out/notes.txt").exists()
    assert run("stimuli", path, "-o", "out") == 0


def test_a_sound_of_the_set_is_not_replaced_as_its_own_recording(made, capsys):
    path = toml(recordings=["../out/up/up.target.wav"], T=16)
    assert run("stimuli", path, "-o", "out", "--overwrite") == 2
    assert "is a sound of the set in out" in capsys.readouterr().err


def test_a_failure_to_write_leaves_what_was_there(made, monkeypatch, capsys):
    before = sounds_of(made / "out")

    def fail(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr("jtfs_jax._cli._stimuli_files._write_record", fail)
    path = toml(recordings=["up.wav"], seeds=2, T=16, level="rms")
    assert run("stimuli", path, "-o", "out") == 1
    assert "No space left" in capsys.readouterr().err
    assert sounds_of(made / "out") == before
    assert not list(made.rglob("*.partial*"))


def test_filters_are_made_once_for_all_that_share_them(folder, monkeypatch):
    search, made = _stimuli.StimulusSet.searches, []

    def counted(the_set):
        for stimulus, found in search(the_set):
            made.append(found.bank)
            yield stimulus, found

    monkeypatch.setattr(_stimuli.StimulusSet, "searches", counted)
    table = toml(recordings=["up.wav", "down.flac"], seeds=2, steps=[1, 2])
    assert run("stimuli", table, "-o", "out") == 0
    assert len(made) == 8
    assert len({id(bank) for bank in made}) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_a_set_that_is_killed_twice_is_that_of_an_undisturbed_run(folder):
    table = toml(
        recordings=["up.wav", "down.flac"], seeds=2, steps=200, transform="time_scattering"
    )
    whole = start("stimuli", table, "-o", "whole", cwd=folder)
    for n_states in (1, 3):
        process = start("stimuli", table, "-o", "out", cwd=folder)
        try:
            deadline = time.monotonic() + 100
            while len(list((folder / "out").glob(".state/[a-z]*.npz"))) < n_states:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.005)
        finally:
            process.kill()
            process.communicate()
        assert not (folder / "out/stimuli.csv").exists()
    assert finish(start("stimuli", table, "-o", "out", cwd=folder))[0] == 0
    assert finish(whole)[0] == 0
    assert sounds_of(folder / "out") == sounds_of(folder / "whole")
    found, expected = ((folder / name / "stimuli.csv").read_bytes() for name in ("out", "whole"))
    assert found == expected
    record = json.loads((folder / "out/stimuli.json").read_text(encoding="utf-8"))
    assert len(record["earlier_commands"]) == 2
