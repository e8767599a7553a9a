"""Compiled programs cached by the command line: location, owner, and all kinds of defects."""

import os
import stat
import sys
import zlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from command import finish, run, start

from jtfs_jax import audio
from jtfs_jax._cli import _program_cache
from jtfs_jax._cli._program_cache import kept_programs

RATE, N = 8000, 512
SMALL = ["--J=5", "--Q=4", f"--sample-rate={RATE}", f"--duration={N / RATE}"]
SMALL += ["--T=32", "--J-fr=2"]
FLAGS = ("jax_enable_compilation_cache", "jax_compilation_cache_dir")
FLAGS += ("jax_persistent_cache_min_compile_time_secs",)
LOGGED = {"JAX_LOG_COMPILES": "1", "JAX_EXPLAIN_CACHE_MISSES": "1"}


@pytest.fixture
def folder(tmp_path):
    t = np.arange(2 * N) / RATE
    audio.save(tmp_path / "a.wav", 0.3 * np.sin(2 * np.pi * (400 + 5000 * t) * t), RATE)
    return tmp_path


@pytest.fixture
def caches(tmp_path_factory, monkeypatch):
    """The user's cache folder."""
    path = tmp_path_factory.mktemp("caches")
    monkeypatch.setenv("XDG_CACHE_HOME", str(path))
    monkeypatch.delenv("JTFS_JAX_NO_CACHE", raising=False)
    return path


@pytest.fixture
def config():
    """Default JAX settings, restored afterwards."""
    before = {name: getattr(jax.config, name) for name in FLAGS}
    jax.config.update("jax_compilation_cache_dir", None)
    yield jax.config
    for name, value in before.items():
        jax.config.update(name, value)


def features(folder, name, *options, env):
    """Start the command in this folder, with an output of this name."""
    return start("features", "a.wav", "-o", name, *SMALL, *options, cwd=folder, env=env)


def finished(process):
    """Log of a program that succeeds with one line of output."""
    code, out, err = finish(process)
    assert (code, out.count("\n")) == (0, 1)
    return err


def entries(caches):
    """All cached programs and their bytes."""
    return {path: path.read_bytes() for path in caches.rglob("*-cache")}


def assert_same(folder, left, right):
    with np.load(folder / left) as a, np.load(folder / right) as b:
        for name in ("S0", "S1", "S2"):
            np.testing.assert_array_equal(a[name], b[name])


def test_the_second_start_compiles_nothing(folder, caches):
    env = LOGGED | {"XDG_CACHE_HOME": str(caches)}
    log = finished(features(folder, "1.npz", env=env))
    kept = entries(caches)
    assert log.count("PERSISTENT COMPILATION CACHE MISS") == len(kept) > 0
    log = finished(features(folder, "2.npz", env=env))
    assert "CACHE MISS for 'jit" not in log
    assert log.count("Persistent compilation cache hit") == len(kept)
    assert entries(caches) == kept
    assert_same(folder, "1.npz", "2.npz")


def test_two_at_once_that_find_nothing(folder, caches):
    env = {"XDG_CACHE_HOME": str(caches)}
    both = [features(folder, f"{name}.npz", env=env) for name in (1, 2)]
    assert [finished(process) for process in both] == ["", ""]
    assert_same(folder, "1.npz", "2.npz")
    assert entries(caches)


FULL = (
    "import resource, sys; from jtfs_jax._cli import main\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0})); sys.exit(main())"
)


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX resource limits")
def test_what_is_not_whole_is_made_again_without_a_word(folder, caches):
    """Programs that did not fit on the disk, emulated by a limit on file sizes."""
    env = {"XDG_CACHE_HOME": str(caches)}
    arguments = ["features", "a.wav", "-o", "1.npz", *SMALL]
    program = ["-c", FULL.format(30_000)]
    assert finished(start(*arguments, program=program, cwd=folder, env=env)) == ""
    assert max(map(len, entries(caches).values())) == 30_000  # the first part of a larger file
    assert finished(features(folder, "2.npz", env=env)) == ""
    whole = entries(caches)
    assert max(map(len, whole.values())) > 30_000
    faulty = [b"", b"no program", zlib.compress(b"no program either")]
    for number, path in enumerate(whole):
        path.write_bytes(faulty[number % len(faulty)])
    assert finished(features(folder, "3.npz", env=env)) == ""
    assert entries(caches).keys() == whole.keys()
    assert not set(faulty) & set(entries(caches).values())
    assert_same(folder, "1.npz", "2.npz")
    assert_same(folder, "1.npz", "3.npz")


def test_features_that_the_processor_lacks_are_not_reported(folder, caches, monkeypatch):
    """Some versions of XLA report such features for every program that they load."""
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "1")  # as in all programs that import JAX
    env = {"XDG_CACHE_HOME": str(caches)}
    assert finished(features(folder, "1.npz", env=env)) == ""
    lacking, claimed = b"-avx10.2", b"+avx10.2"
    for path, kept in entries(caches).items():
        try:
            program = zlib.decompress(kept)
        except zlib.error:
            pytest.skip("JAX compresses programs differently here")
        if lacking not in program:
            pytest.skip("another processor")
        path.write_bytes(zlib.compress(program.replace(lacking, claimed)))
    tampered = entries(caches)
    assert finished(features(folder, "2.npz", env=env)) == ""
    assert entries(caches) == tampered  # the entries that were read


def test_the_folder_that_a_user_has_given_to_jax_stays(folder, caches):
    theirs = folder / "theirs"
    env = {"XDG_CACHE_HOME": str(caches), "JAX_COMPILATION_CACHE_DIR": str(theirs)}
    env |= {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    finished(features(folder, "1.npz", env=env))
    kept = entries(theirs)
    assert kept
    log = finished(features(folder, "2.npz", "--no-cache", env=LOGGED | env))
    assert "Compiling" in log
    assert "Persistent compilation cache hit" not in log
    assert entries(theirs) == kept
    assert not list(caches.iterdir())


def test_no_place_no_cache_no_word(folder):
    env = {"XDG_CACHE_HOME": "", "LOCALAPPDATA": "", "HOME": str(folder / "a.wav")}
    assert finished(features(folder, "1.npz", env=env)) == ""


def place():
    """Folder in which JAX caches programs within the block; None if there is none."""
    config: Any = jax.config
    with kept_programs(wanted=True):
        found = config.jax_enable_compilation_cache and config.jax_compilation_cache_dir
    config.update("jax_enable_compilation_cache", val=True)
    config.update("jax_compilation_cache_dir", None)
    return found


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "xdg"}, "xdg"),
        ("linux", {"HOME": "home"}, "home/.cache"),
        ("linux", {"HOME": "home", "XDG_CACHE_HOME": "/relative"}, "home/.cache"),
        ("linux", {"HOME": "missing"}, None),
        ("linux", {"HOME": "file"}, None),
        ("linux", {}, None),
        ("darwin", {"HOME": "home"}, "home/Library/Caches"),
        ("win32", {"LOCALAPPDATA": "local", "HOME": "home"}, "local"),
        ("win32", {}, None),
    ],
)
def test_place(tmp_path, monkeypatch, platform, variables, expected):
    monkeypatch.setattr(sys, "platform", platform)
    for name in ("XDG_CACHE_HOME", "HOME", "LOCALAPPDATA", "JTFS_JAX_NO_CACHE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value[1:] if value[0] == "/" else str(tmp_path / value))
    for name in ("home/Library", "local", "xdg"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "file").touch()
    found = place()
    if expected is None:
        assert not found
        return
    folder = tmp_path / expected / "jtfs_jax" / f"jaxlib-{version('jaxlib')}"
    assert found == str(folder)
    for made in (folder, folder.parent):
        assert stat.S_IMODE(made.stat().st_mode) == 0o700


@pytest.mark.usefixtures("config")
@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX modes and users")
def test_a_folder_where_others_write_is_not_used(caches, monkeypatch):
    assert place()
    own = caches / "jtfs_jax"
    for path in (own, *own.iterdir()):
        for mode in (0o720, 0o702):
            path.chmod(mode)
            assert not place()
        path.chmod(0o755)
        assert place()
    caches.chmod(0o770)
    assert place()
    monkeypatch.setattr(os, "geteuid", lambda: caches.stat().st_uid + 1)
    assert not place()


@pytest.mark.usefixtures("caches")
@pytest.mark.parametrize("value", ["1", "yes"])
def test_the_environment_turns_it_off(config, monkeypatch, value):
    for off in ("", "0"):
        monkeypatch.setenv("JTFS_JAX_NO_CACHE", off)
        assert place()
    monkeypatch.setenv("JTFS_JAX_NO_CACHE", value)
    config.update("jax_compilation_cache_dir", "theirs")
    assert not place()


def test_what_jax_is_told_is_respected(config, caches):
    config.update("jax_compilation_cache_dir", "theirs")
    assert place() == "theirs"
    config.update("jax_compilation_cache_dir", None)
    config.update("jax_enable_compilation_cache", val=False)
    assert not place()
    assert not list(caches.iterdir())


@pytest.mark.usefixtures("config")
def test_what_was_used_longest_ago_goes_first(caches, monkeypatch):
    monkeypatch.setattr(_program_cache, "_LARGEST", 250)
    assert place()
    old, new = caches / "jtfs_jax" / "jaxlib-0.0.1", Path(place())
    old.mkdir()
    for age, path in enumerate([new / "b", old / "a", new / "c", old / "d", new / "e"]):
        path.write_bytes(bytes(100))
        os.utime(path, (1000 - age, 500 if age else 1001))
    assert place()
    assert {path.name for path in caches.rglob("?")} == {"a", "b"}


@pytest.mark.usefixtures("quick_compile")
def test_the_cache_is_no_option_of_the_results(folder, monkeypatch, config):
    monkeypatch.chdir(folder)
    assert run("features", "a.wav", *SMALL) == 0
    assert run("features", "a.wav", *SMALL, "--resume", "--no-cache") == 0
    assert config.jax_enable_compilation_cache  # the command must not change the process's settings
