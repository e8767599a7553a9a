"""`jtfs-jax features -o OUT.zarr`: content of the store, and its state after a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from command import run

import jtfs_jax
from jtfs_jax import audio

xarray = pytest.importorskip("xarray")
psutil = pytest.importorskip("psutil")

pytestmark = pytest.mark.usefixtures("quick_compile")

RATE = 8000
OPTIONS = ["--J=4", "--Q=2", "--T=16", "--J-fr=1", f"--sample-rate={RATE}"]
LENGTHS = [2, 100, 255, 256, 3000, 9001, 12_345, 700]


@pytest.fixture
def sounds(tmp_path, monkeypatch):
    """A folder of recordings, one of which is broken."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in/a").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for k, n in enumerate(LENGTHS):
        audio.save(tmp_path / f"in/a/{k}.wav", 0.1 * rng.standard_normal(n), RATE)
    (tmp_path / "in/broken.wav").write_text("no sound")
    return tmp_path


def opened(path):
    return xarray.open_zarr(path, consolidated=False).load()


def length_of_segments(store):
    return json.loads(store.attrs["filterbank"])["n_samples"]


def of_recording(store, name):
    row = store.sel(recording=name)
    first = int(row.first_frame)
    return store.isel(frame=slice(first, first + int(row.n_frames)))


def same(a, b):
    for name in ("S0", "S1", "S2"):
        np.testing.assert_array_equal(a[name].values, b[name].values)


@pytest.mark.parametrize("T", ["16", "global"])
def test_a_store_has_the_coefficients_of_each_recording(sounds, capsys, T):
    options = [*OPTIONS, f"--T={T}"]
    assert run("features", "in", "-o", "x.zarr", *options) == 2
    out, err = capsys.readouterr()
    assert "broken.wav: this cannot be read as audio" in err
    assert "complete" in out
    store = opened("x.zarr")
    T = T if T == "global" else int(T)
    bank = jtfs_jax.filterbank(length_of_segments(store), J=4, Q=2, T=T, J_fr=1)
    for k, n in enumerate(LENGTHS):
        part = of_recording(store, f"a/{k}.wav")
        S = jtfs_jax.segmented(jtfs_jax.jtfs)(bank, audio.load(f"in/a/{k}.wav", RATE))
        for name in ("S0", "S1", "S2"):
            found, wanted = part[name].values, np.moveaxis(getattr(S, name), -1, 0)
            np.testing.assert_allclose(found, wanted, atol=2e-5 * np.abs(wanted).max())
        times = jtfs_jax.frame_times(bank, n_samples=n, sample_rate=RATE)
        np.testing.assert_allclose(part.time, times)
        assert (part.of_recording == k).all()
    broken = store.sel(recording="broken.wav")
    assert broken.n_frames == 0
    assert "cannot be read" in str(broken.error.values)
    assert (store.done == 1).all()
    table = jtfs_jax.path_table(bank, sample_rate=RATE)
    np.testing.assert_array_equal(store.spin, table.spin)
    np.testing.assert_array_equal(store.rate, table.rate)
    rising = store.S2.where((store.spin == 1) & (store.rate > 100), drop=True)
    np.testing.assert_array_equal(
        rising, store.S2.values[:, (table.spin == 1) & (table.rate > 100)]
    )
    frequencies = jtfs_jax.wavelet_frequencies(bank, sample_rate=RATE)
    np.testing.assert_array_equal(store.frequency, frequencies)
    assert store.frequency.attrs["units"] == "Hz"


def test_a_list_and_its_labels(sounds):
    lines = [
        '{"path": "in/a/6.wav", "start": 0.5, "species": "thrush", "count": 3}',
        '{"path": "in/a/6.wav", "duration": 0.25, "error": "none"}',
        '{"path": "in/a/6.wav"}',
    ]
    Path("list.jsonl").write_text("\n".join(lines))
    assert run("features", "list.jsonl", "-o", "x.zarr", "--quiet", *OPTIONS) == 0
    store = opened("x.zarr")
    assert store.recording.values.tolist() == ["in/a/6.wav@0.5", "in/a/6.wav", "in/a/6.wav (2)"]
    assert store.species.values.tolist() == ["thrush", "", ""]
    assert store["count"].values.tolist() == ["3", "", ""]
    assert store.label_error.values.tolist() == ["", "none", ""]
    assert store.n_samples.values.tolist() == [12_345 - 4000, 2000, 12_345]


def test_channels_apart(tmp_path, monkeypatch):
    soundfile = pytest.importorskip("soundfile")
    monkeypatch.chdir(tmp_path)
    x = 0.1 * np.random.default_rng(0).standard_normal((1000, 2))
    soundfile.write("two.wav", x, RATE, subtype="FLOAT")
    assert run("features", "two.wav", "-o", "x.zarr", "--channels=each", *OPTIONS) == 0
    store = opened("x.zarr")
    assert store.recording.values.tolist() == ["two.wav#0", "two.wav#1"]
    bank = jtfs_jax.filterbank(length_of_segments(store), J=4, Q=2, T=16, J_fr=1)
    S = jtfs_jax.segmented(jtfs_jax.jtfs)(bank, x.T)
    for k, name in enumerate(store.recording.values.tolist()):
        wanted = np.moveaxis(S.S1[k], -1, 0)
        np.testing.assert_allclose(of_recording(store, name).S1, wanted, atol=1e-6)


def test_a_store_goes_on_only_with_what_it_was_made_for(sounds, capsys):
    assert run("features", "in", "-o", "x.zarr", "--prepare", *OPTIONS) == 2
    assert not opened("x.zarr").done.any()
    assert run("features", "in", "-o", "x.zarr", *OPTIONS) == 2
    whole = opened("x.zarr")
    for arguments, message in [
        (["in", *OPTIONS, "--T=32"], "made with --T 16, not 32"),
        (["in/a", *OPTIONS], "made for other recordings"),
        (["in", *OPTIONS, "--duration=1"], "no --duration"),
    ]:
        capsys.readouterr()
        assert run("features", *arguments, "-o", "x.zarr") == 2
        assert message in capsys.readouterr().err
        same(opened("x.zarr"), whole)
    assert run("features", "in/a", "-o", "x.zarr", "--overwrite", *OPTIONS) == 0
    assert opened("x.zarr").sizes["recording"] == len(LENGTHS)
    assert not list(sounds.glob(".*"))


def test_a_recording_that_changes_fails_alone(sounds, capsys):
    long = 0.1 * np.random.default_rng(1).standard_normal(40_000)
    audio.save("in/a/9.wav", long, RATE)
    assert run("features", "in/a", "-o", "x.zarr", "--prepare", *OPTIONS) == 0
    kept = Path("in/a/9.wav").read_bytes()
    modified = Path("in/a/9.wav").stat().st_mtime_ns
    recordings_before = os.stat("in/a/9.wav")
    Path("in/a/9.wav").write_bytes(kept[:-100])
    os.utime("in/a/9.wav", ns=(modified, modified))
    assert run("features", "in/a", "-o", "x.zarr", *OPTIONS) == 2
    assert "other recordings, or some have changed" in capsys.readouterr().err
    Path("in/a/9.wav").write_bytes(kept)
    os.utime("in/a/9.wav", ns=(modified, modified))
    assert recordings_before.st_size == len(kept)
    assert run("features", "in/a", "-o", "x.zarr", *OPTIONS) == 0


def test_tasks_of_an_array_job(sounds, monkeypatch, capsys):
    run("features", "in", "-o", "serial.zarr", *OPTIONS)
    run("features", "in", "-o", "x.zarr", "--prepare", *OPTIONS)
    assert run("features", "in", "-o", "x.zarr", "--worker=1/3", *OPTIONS) == 2
    done = opened("x.zarr").done.values
    assert len(done) > 3
    np.testing.assert_array_equal(np.flatnonzero(done) % 3, 1)
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "7")
    monkeypatch.setenv("SLURM_ARRAY_TASK_MIN", "5")
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "3")
    run("features", "in", "-o", "x.zarr", *OPTIONS)
    np.testing.assert_array_equal(np.flatnonzero(opened("x.zarr").done.values) % 3 > 0, True)
    monkeypatch.delenv("SLURM_ARRAY_TASK_ID")
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "0")
    capsys.readouterr()
    assert run("features", "in", "-o", "x.zarr", *OPTIONS) == 2
    assert "JOB_COMPLETIONS does not give the number of tasks" in capsys.readouterr().err
    monkeypatch.delenv("JOB_COMPLETION_INDEX")
    run("features", "in", "-o", "x.zarr", *OPTIONS)  # a second pass for the missing shards
    assert opened("x.zarr").done.all()
    same(opened("x.zarr"), opened("serial.zarr"))


def start(*arguments):
    """Start the command line in a separate process."""
    command = [sys.executable, "-m", "jtfs_jax", "features", "in", *arguments, *OPTIONS, "--quiet"]
    environment = os.environ | {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}  # as quick_compile
    return subprocess.Popen(
        command, env=environment, stderr=subprocess.DEVNULL, start_new_session=True
    )


def n_done(path):
    return len(list(Path(path).glob("done/c/*")))


def wait_for_shards(process, path, number):
    stop = time.monotonic() + 120
    while n_done(path) < number and process.poll() is None:
        assert time.monotonic() < stop
        time.sleep(0.002)


@pytest.fixture
def many(sounds):
    rng = np.random.default_rng(2)
    for k in range(10, 22):
        audio.save(f"in/a/{k}.wav", 0.1 * rng.standard_normal(60_000), RATE)
    run("features", "in", "-o", "serial.zarr", "--quiet", *OPTIONS)
    return opened("serial.zarr")


def test_kills_lose_nothing_that_is_marked_done(many):
    for number in (1, 5, 12):
        process = start("-o", "x.zarr")
        wait_for_shards(process, "x.zarr", number)
        process.send_signal(signal.SIGKILL)
        process.wait()
        found = opened("x.zarr")
        per_shard = found.S2.encoding["chunks"][0]
        done = np.repeat(found.done.values == 1, per_shard)[: found.sizes["frame"]]
        for name in ("S0", "S1", "S2"):
            np.testing.assert_array_equal(found[name].values[done], many[name].values[done])
    assert run("features", "in", "-o", "x.zarr", "--quiet", *OPTIONS) == 2
    same(opened("x.zarr"), many)


def test_a_lost_worker_of_dask_loses_nothing(many):
    process = start("-o", "x.zarr", "--workers=2")
    try:
        wait_for_shards(process, "x.zarr", 2)
        children = psutil.Process(process.pid).children(recursive=True)
        workers = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
        assert workers
        workers[-1].kill()
        assert process.wait(timeout=120) == 2  # because a recording is broken
    finally:
        for child in [*psutil.Process().children(recursive=True)]:
            if child.pid == process.pid or process.pid in [p.pid for p in child.parents()]:
                child.kill()
    same(opened("x.zarr"), many)
