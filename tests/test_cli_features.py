"""The commands `features`, `scalogram` and `plot`."""

import json
import shutil
import sys

import jax
import numpy as np
import pytest
from command import run
from matplotlib.figure import Figure

import jtfs_jax
from jtfs_jax import audio

pytestmark = pytest.mark.usefixtures("quick_compile")

RATE, N = 8000, 512
FIRST = ["--J=5", "--Q=4", f"--sample-rate={RATE}", f"--duration={N / RATE}"]
SMALL = [*FIRST, "--T=32", "--J-fr=2"]


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    t = np.arange(2 * N) / RATE
    path = tmp_path_factory.mktemp("recording") / "chirp.wav"
    audio.save(path, 0.3 * np.sin(2 * np.pi * (400 + 5000 * t) * t), RATE)
    return path


def read(path):
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def test_features_are_coefficients_with_their_coordinates(tmp_path, recording, capsys):
    output = tmp_path / "out.NPZ"
    assert run("features", recording, "-o", output, *SMALL, "--preset=sharp") == 0
    found = read(output)
    bank = jtfs_jax.filterbank(N, J=5, Q=4, T=32, J_fr=2, preset="sharp")
    S = jtfs_jax.jtfs(bank, audio.load(recording, RATE, N / RATE))
    for name in ("S0", "S1", "S2"):
        np.testing.assert_allclose(found[name], getattr(S, name), rtol=1e-3, atol=1e-6)
    table = jtfs_jax.path_table(bank, sample_rate=RATE)
    for name, column in vars(table).items():
        np.testing.assert_array_equal(found[f"path_{name}"], column)
    coordinates = {
        "frequencies": jtfs_jax.wavelet_frequencies,
        "band_frequencies": jtfs_jax.band_frequencies,
        "frame_times": jtfs_jax.frame_times,
    }
    for name, function in coordinates.items():
        np.testing.assert_array_equal(found[name], function(bank, sample_rate=RATE))
    assert found["sample_rate"] == RATE
    settings = json.loads(str(found["settings"]))
    assert settings.pop("version") == jtfs_jax.__version__
    assert settings.pop("segment") >= N
    expected = {"audio": str(recording), "sample_rate": RATE, "n_samples": N, "channels": "mean"}
    expected |= {"J": 5, "Q": 4, "T": 32, "J_fr": 2, "Q_fr": 1, "F": 4}
    options = ("analytic", "pad_mode", "pad_mode_fr", "normalize", "r_psi", "oversampling")
    assert settings == expected | {name: getattr(bank, name) for name in options}
    out, err = capsys.readouterr()
    assert out == f"{output}: {len(table)} paths, {found['S0'].shape[-1]} frames\n"
    assert not err


def test_features_without_averaging_have_arrays_for_each_path(tmp_path, recording):
    output = tmp_path / "out.npz"
    assert run("features", recording, "-o", output, *SMALL, "--F=0") == 0
    found = read(output)
    bank = jtfs_jax.filterbank(N, J=5, Q=4, T=32, J_fr=2, F=0)
    S = jtfs_jax.jtfs(bank, audio.load(recording, RATE, N / RATE))
    assert isinstance(S.S2, dict)
    assert "S2" not in found
    for p, path in enumerate(zip(found["path_n2"], found["path_n_fr"], strict=True)):
        np.testing.assert_allclose(found[f"S2_{p}"], S.S2[path], rtol=1e-3, atol=1e-6)
        shape = (len(found[f"band_frequencies_{p}"]), len(found[f"frame_times_{p}"]))
        assert found[f"S2_{p}"].shape == shape


def test_several_recordings_of_which_some_fail(tmp_path, monkeypatch, recording, capsys):
    for name in ("first", "last"):
        shutil.copy(recording, tmp_path / f"{name}.wav")
    (tmp_path / "text.wav").write_text("text")
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    names = ["first.wav", "text.wav", "missing.wav", "last.wav"]
    assert run("features", *names, "-o", "out", *SMALL) == 2
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"first.npz", "last.npz"}
    first, last = (read(tmp_path / "out" / f"{name}.npz") for name in ("first", "last"))
    np.testing.assert_array_equal(first["S2"], last["S2"])
    out, err = capsys.readouterr()
    assert "out/first.npz: " in out
    assert "jtfs-jax features: error: text.wav: this cannot be read as audio" in err
    assert "jtfs-jax features: error: missing.wav: there is no such file" in err
    assert "4/4" in err
    assert err.endswith("2 of 4 recordings failed.\n")


@pytest.fixture
def dataset(tmp_path, monkeypatch, recording):
    """Two folders with recordings, some of the same name."""
    monkeypatch.chdir(tmp_path)
    for name in ("ds/a/x.wav", "ds/b/c/x.wav", "ds/b/y.WAV"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(recording, name)
    for name in ("ds/notes.txt", "ds/b/.hidden.wav", "ds/a/cover.jpg"):
        (tmp_path / name).write_text("text")
    (tmp_path / "out").mkdir()
    return tmp_path


def results(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*.npz")}


def test_folders_in_are_folders_out(dataset, capsys):
    assert run("features", "ds", "-o", "out", *SMALL) == 0
    assert results(dataset / "out") == {"a/x.npz", "b/c/x.npz", "b/y.npz"}
    assert "skipped (no extension of an audio format): 3\n" in capsys.readouterr().err
    before = {path: path.read_bytes() for path in dataset.rglob("*.npz")}
    assert run("features", "ds", "-o", "out", *SMALL) == 2
    assert "this file exists, and so do 2 more" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in dataset.rglob("*.npz")} == before
    assert run("features", "ds", "-o", "out", "--overwrite", "--quiet", *SMALL) == 0
    assert capsys.readouterr() == ("", "")


def test_resume_makes_what_is_missing(dataset, capsys):
    (dataset / "ds/b/y.WAV").write_text("text")
    assert run("features", "ds", "-o", "out", *SMALL) == 2
    assert results(dataset / "out") == {"a/x.npz", "b/c/x.npz"}
    before = {path: path.stat().st_mtime_ns for path in dataset.rglob("*.npz")}
    shutil.copy("ds/a/x.wav", "ds/b/y.WAV")
    assert run("features", "ds", "-o", "out", "--resume", "--T=16", *SMALL[:-2], "--J-fr=2") == 2
    assert "x.npz: this result was made with --T 32, not 16;" in capsys.readouterr().err
    for n_missing in (1, 0):
        assert run("features", "ds", "-o", "out", "--resume", *SMALL) == 0
        assert f"Results already computed: {3 - n_missing}" in capsys.readouterr().err
    assert results(dataset / "out") == {"a/x.npz", "b/c/x.npz", "b/y.npz"}
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["ds/a/x.wav", "ds/b/c/x.wav"], {"a/x.npz", "b/c/x.npz"}),
        (["ds/b", "ds/a"], {"a/x.npz", "b/y.npz", "b/c/x.npz"}),
        (["ds/a/x.wav", "ds/b/../a/../b/y.WAV"], {"a/x.npz", "b/y.npz"}),
        (["ds/b/y.WAV"], {"y.npz"}),
    ],
    ids=["files", "folders", "dots", "one"],
)
def test_folders_that_recordings_share_are_left_out(dataset, arguments, names):
    assert run("features", *arguments, "-o", "out", *SMALL) == 0
    assert results(dataset / "out") == names


def test_linked_folders_are_searched_once(dataset):
    (dataset / "ds/link").symlink_to(dataset / "ds/b", target_is_directory=True)
    (dataset / "ds/b/loop").symlink_to(dataset / "ds", target_is_directory=True)
    assert run("features", "ds", "-o", "out", *SMALL) == 0
    assert len(results(dataset / "out")) == 3


def test_recordings_of_all_lengths_share_a_program(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    lengths = {"a": N, "b": 2, "c": 3 * N + 1, "d": 10 * N, "e": 37}
    for name, n in lengths.items():
        audio.save(f"{name}.wav", 0.1 * rng.standard_normal(n), RATE)
    options = [option for option in SMALL if "duration" not in option]
    assert run("features", *(f"{name}.wav" for name in "abcde"), *options) == 0
    assert "5/5" in capsys.readouterr().err
    for name, n in lengths.items():
        found = read(tmp_path / f"{name}.npz")
        settings = json.loads(str(found["settings"]))
        assert settings["n_samples"] == n
        bank = jtfs_jax.filterbank(settings["segment"], J=5, Q=4, T=32, J_fr=2)
        S = jtfs_jax.segmented(jtfs_jax.jtfs)(bank, audio.load(f"{name}.wav", RATE))
        np.testing.assert_allclose(found["S2"], S.S2, rtol=1e-5, atol=1e-8)
        np.testing.assert_array_equal(found["frame_times"], np.arange(0, n, 32) / RATE)


def test_a_list_says_which_parts_are_wanted(tmp_path, monkeypatch, recording):
    monkeypatch.chdir(tmp_path)
    shutil.copy(recording, "x.wav")
    (tmp_path / "list.csv").write_text(
        "path,start,duration,species\nx.wav,0.01,0.05,thrush\nx.wav,,,\n", encoding="utf-8"
    )
    (tmp_path / "out").mkdir()
    assert run("features", "list.csv", "-o", "out", *SMALL) == 0
    assert results(tmp_path / "out") == {"x@0.01.npz", "x.npz"}
    part = read(tmp_path / "out/x@0.01.npz")
    assert json.loads(str(part["labels"])) == {"species": "thrush"}
    assert json.loads(str(part["settings"]))["n_samples"] == round(0.05 * RATE)
    assert part["start"] == 0.01
    assert json.loads(str(read(tmp_path / "out/x.npz")["settings"]))["n_samples"] == N


def test_a_pattern_in_quotes(dataset):
    assert run("features", "ds/**/x.wav", "-o", "out", *SMALL) == 0
    assert results(dataset / "out") == {"a/x.npz", "b/c/x.npz"}


def test_start_is_a_place_in_the_recording(tmp_path, recording):
    start = 100 / RATE
    assert run("features", recording, "-o", tmp_path / "a.npz", f"--start={start}", *SMALL) == 0
    found = read(tmp_path / "a.npz")
    assert found["start"] == start
    x = audio.load(recording, RATE)[100 : 100 + N]
    bank = jtfs_jax.filterbank(N, J=5, Q=4, T=32, J_fr=2)
    np.testing.assert_allclose(found["S2"], jtfs_jax.jtfs(bank, x).S2, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError("No space left on device"), "No space left on device"),
        (MemoryError(), "not enough memory; lower --duration"),
        (jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: …"), "not enough memory"),
    ],
    ids=["disk", "memory", "memory of XLA"],
)
def test_a_shortage_loses_only_what_it_must(
    tmp_path, monkeypatch, recording, capsys, error, message
):
    shutil.copy(recording, tmp_path / "first.wav")
    shutil.copy(recording, tmp_path / "last.wav")
    monkeypatch.chdir(tmp_path)
    savez = np.savez

    def full(file, **arrays):
        savez(file, **arrays)
        if "first" in file.name:
            raise error

    monkeypatch.setattr(np, "savez", full)
    assert run("features", "first.wav", "last.wav", *SMALL) == 1
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"first.wav", "last.wav", "last.npz"}
    assert f"error: {message}" in capsys.readouterr().err


def test_a_bug_is_not_taken_for_bad_input(tmp_path, monkeypatch, recording):
    def broken(*_, **__):
        raise TypeError("a bug")

    monkeypatch.setattr(np, "savez", broken)
    with pytest.raises(TypeError, match="a bug"):
        run("features", recording, "-o", tmp_path, *SMALL)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "suffix", "start"),
    [
        ("scalogram", ".png", b"\x89PNG\r\n"),
        ("scalogram", ".SVG", b"<?xml"),
        ("plot", ".pdf", b"%PDF-"),
    ],
)
def test_pictures(tmp_path, recording, capsys, command, suffix, start):
    output = tmp_path / f"picture{suffix}"
    options = FIRST if command == "scalogram" else SMALL
    assert run(command, recording, "-o", output, *options) == 0
    assert [path.name for path in tmp_path.iterdir()] == [output.name]
    assert output.read_bytes().startswith(start)
    assert capsys.readouterr().out == f"Picture: {output}\n"


@pytest.mark.parametrize(("command", "options"), [("scalogram", FIRST), ("plot", SMALL)])
def test_pictures_name_their_recording(tmp_path, monkeypatch, recording, command, options):
    titles, savefig = [], Figure.savefig

    def noted(figure, *arguments, **options):
        titles.append(figure.get_suptitle() or figure.axes[0].get_title())
        savefig(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", noted)
    odd = tmp_path / "a$b^$c_{.wav"  # no formula
    shutil.copy(recording, odd)
    for names in [[odd], []]:
        arguments = ["-o", tmp_path / "picture.png", "--overwrite", *options]
        assert run(command, *names, *arguments) == 0
    assert titles == [odd.name, "bundled: guitar_slide"]


def test_defaults_are_the_bundled_guitar_and_names_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("features", *SMALL) == run("plot", *SMALL) == run("scalogram", *FIRST) == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"guit_e_slide.npz", "plot.png", "scalogram.png"}
    assert run("features", *SMALL) == run("plot", *SMALL) == run("scalogram", *FIRST) == 2
    settings = json.loads(str(read(tmp_path / "guit_e_slide.npz")["settings"]))
    assert settings["audio"] == "bundled: guitar_slide"


BAD = {
    "no such folder": (["features", "good.wav", "-o", "missing"], "there is no such folder"),
    "no folder for it": (["features", "good.wav", "-o", "missing/a.npz"], "there is no folder"),
    "a file for two": (["features", "good.wav", "b.wav", "-o", "a.npz"], "need a folder"),
    "twice": (["features", "good.wav", "good.wav"], "good.npz: both good.wav and good.wav"),
    "not found": (["features", "missing.wav"], "missing.wav: there is no such file"),
    "itself": (["features", "self.npz", "-o", "self.npz"], "this is the recording itself"),
    "T": (["features", "good.wav", "--T=0.5"], "--T must be 0 (no averaging) or between 1 and"),
    "no pattern": (["features", "x*.wav"], "x*.wav: no file matches this pattern"),
    "workers": (["features", "good.wav", "--workers=2"], "--workers requires a store"),
    "columns": (["features", "no-path.csv"], "must name its columns, one of which is path"),
    "a list": (["features", "empty.csv"], "this list has no recordings"),
    "JSON": (["features", "bad.jsonl"], "line 2 is not JSON"),
    "worker": (["features", "good.wav", "-o", "a.zarr", "--worker=2/2"], "must be i/n"),
    "no averages": (["features", "good.wav", "-o", "a.zarr", "--T=0"], "a store needs paths of"),
    "no store": (["features", "good.wav", "-o", "texts.zarr"], "this is not a store"),
    "J": (["scalogram", "good.wav", "--J=12"], "good.wav: --J 12 needs at least 2^12"),
    "suffix": (["plot", "good.wav", "-o", "a.gif"], "must end in .png, .pdf, .svg"),
    "a folder": (["scalogram", "good.wav", "-o", "folder.png"], "this is a folder"),
    "no second order": (["scalogram", "good.wav", "--T=32"], "unrecognized arguments: --T=32"),
    "two pictures": (["plot", "good.wav", "b.wav"], "unrecognized arguments: b.wav"),
    "file exists": (["features", "good.wav", "-o", "old.npz"], "old.npz: this file exists"),
    "results exist": (["features", "old.flac", "b.wav"], "old.npz: this file exists; give"),
    "picture exists": (["plot", "good.wav", "-o", "old.png"], "or --overwrite to replace it"),
    "no recordings": (["features", "texts"], "texts: none of the 1 files in this folder ends"),
    "a folder, one file": (["features", "texts", "-o", "a.npz"], "several recordings need"),
    "start": (["plot", "good.wav", "--start=-1"], "--start: must be a number, at least 0"),
    "abbreviation": (["plot", "good.wav", "--dur=1"], "unrecognized arguments: --dur=1"),
    "duration": (["plot", "good.wav", "--duration=-1"], "--duration: must be a positive number"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_said_in_one_line(tmp_path, monkeypatch, recording, capsys, name):
    monkeypatch.chdir(tmp_path)
    for copy in ("good.wav", "self.npz"):
        shutil.copy(recording, copy)
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts.zarr").mkdir()
    (tmp_path / "no-path.csv").write_text("file\ngood.wav\n")
    (tmp_path / "empty.csv").write_text("path\n")
    (tmp_path / "bad.jsonl").write_text('{"path": "good.wav"}\n{\n')
    for file in ("old.npz", "old.png", "texts/text.txt"):
        (tmp_path / file).write_text("old")
    before = sorted(tmp_path.rglob("*"))
    arguments, message = BAD[name]
    assert run(arguments[0], *FIRST, *arguments[1:]) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert err.startswith(("jtfs-jax: error", f"jtfs-jax {arguments[0]}: error: "))
    assert err.count("\n") == 1
    assert not out
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("command", ["features", "scalogram"])
def test_failure_to_write_leaves_what_was_there(tmp_path, monkeypatch, recording, command):
    output = tmp_path / ("out.npz" if command == "features" else "out.png")
    output.write_text("old")

    def fail(path, *args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", fail)
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda self, *a, **k: fail(*a, **k))
    options = FIRST if command == "scalogram" else SMALL
    assert run(command, recording, "-o", output, "--overwrite", *options) == 130
    assert [path.name for path in tmp_path.iterdir()] == [output.name]
    assert output.read_text() == "old"


@pytest.mark.parametrize(
    ("command", "missing", "extra"),
    [("features", "tqdm", "audio"), ("plot", "matplotlib", "plot"), ("scalogram", "soxr", "audio")],
)
def test_missing_extra(tmp_path, monkeypatch, recording, capsys, command, missing, extra):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, missing, None)
    assert run(command, recording, *FIRST) == 1
    err = capsys.readouterr().err
    assert f"{missing} could not be imported" in err
    assert extra in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["features", "scalogram", "plot"])
def test_help(capsys, command):
    assert run(command, "--help") == 0
    text = capsys.readouterr().out
    assert "--sample-rate" in text
    assert ("--T" in text) == (command != "scalogram")
    assert max(map(len, text.splitlines())) <= 100
