"""The command line as a process: signals, closed streams, encodings, full disks."""

import io
import json
import os
import shutil
import signal
import sys
import time

import numpy as np
import pytest
from command import finish, run, start

from jtfs_jax import audio

RATE, N = 8000, 512
SMALL = ["--J=5", "--Q=4", f"--sample-rate={RATE}", f"--duration={N / RATE}"]
SMALL += ["--T=32", "--J-fr=2"]
SOON = ["--J=2", "--Q=2", "--J-fr=1", "--T=global", "--optimizer=bold_driver"]  # compiled
SOON += [f"--sample-rate={RATE}", f"--duration={N / RATE}"]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and streams")


@pytest.fixture
def folder(tmp_path):
    t = np.arange(2 * N) / RATE
    for name in "abc":
        audio.save(tmp_path / f"{name}.wav", 0.3 * np.sin(2 * np.pi * (400 + 5000 * t) * t), RATE)
    return tmp_path


def read_until(process, text):
    """Wait until the program has printed this."""
    said = b""
    while text not in said:
        byte = process.stderr.read(1)
        assert byte, said
        said += byte


def test_interrupted_while_jax_is_imported(folder):
    """From the first line of the package, which precedes the import of JAX."""
    program = (
        "import sys, runpy, signal, os; sys.argv = ['jtfs-jax', 'features', 'a.wav']\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'jax': os.kill(os.getpid(), signal.SIGINT); signal.pause()\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from jtfs_jax._cli import main; sys.exit(main())"
    )
    code, _, err = finish(start(program=["-c", program], cwd=folder))
    assert (code, err) == (130, "jtfs-jax: interrupted\n")


def test_interrupted_while_xla_compiles(folder):
    """The process ends at once, although XLA would compile for some more seconds."""
    environment = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "0", "JAX_LOG_COMPILES": "1"}
    process = start("features", "--preset=sharp", cwd=folder, env=environment)
    read_until(process, b"Finished jaxpr to MLIR module conversion jit(of_windows)")
    time.sleep(0.2)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    code, out, err = finish(process)
    assert time.monotonic() - begun < 2
    assert (code, out) == (130, "")
    assert err.endswith("jtfs-jax features: interrupted\n")
    assert "Traceback" not in err
    assert {path.name for path in folder.iterdir()} == {"a.wav", "b.wav", "c.wav"}


def test_terminated_between_steps(folder):
    """The results so far are written, as after Ctrl-C."""
    process = start("metamer", "a.wav", "-o", "out.wav", "--steps=100000", *SOON, cwd=folder)
    while not (folder / "out.state.npz").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    code, out, err = finish(process)
    assert code == 143
    assert "Stopping after this step" in err
    assert "out.wav: error" in out
    assert (folder / "out.wav").exists()


def test_a_reader_that_leaves_fails_nothing(folder):
    process = start("features", "a.wav", "b.wav", "c.wav", *SMALL, cwd=folder)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    code, _, err = finish(process)
    assert code == 0
    assert "failed" not in err
    assert "Error" not in err
    assert len(list(folder.glob("*.npz"))) == 3


def test_a_full_disk_behind_the_streams_fails_nothing(folder):
    with open("/dev/full", "w") as full:
        process = start("features", "a.wav", "b.wav", *SMALL, cwd=folder, stdout=full, stderr=full)
        assert finish(process)[0] == 0
    assert len(list(folder.glob("*.npz"))) == 2


STRICT = {"PYTHONIOENCODING": "ascii:strict", "PYTHONUTF8": "0", "LC_ALL": "C"}


def test_names_that_cannot_be_printed(folder):
    (folder / "a.wav").rename(folder / "Zaunkönig 鳥.wav")
    recordings = ["Zaunkönig 鳥.wav", "missing–鳥.wav", "c.wav"]
    env = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    code, out, err = finish(start("features", *recordings, *SMALL, cwd=folder, env=env))
    assert code == 2
    assert "Traceback" not in err
    assert "1 of 3 recordings failed" in err
    assert out.count(" paths, ") == 2
    assert (folder / "Zaunkönig 鳥.npz").exists()


class Unreadable(io.BytesIO):
    def write(self, data):
        raise BrokenPipeError


@pytest.mark.usefixtures("quick_compile")
@pytest.mark.parametrize(
    "stream",
    [
        io.TextIOWrapper(io.BytesIO(), "ascii"),
        io.TextIOWrapper(io.BytesIO(), "latin-1"),
        io.TextIOWrapper(Unreadable(), "utf-8"),
        None,
    ],
    ids=["ascii", "latin-1", "no reader", "closed"],
)
def test_printing_never_fails_a_run(folder, monkeypatch, stream):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    names = ["Zaunkönig 鳥.wav"]
    if sys.platform == "linux":
        names.append(os.fsdecode(b"\xff.wav"))  # not text in any encoding
    for name in names:
        assert run("features", "a.wav", "-o", name.replace(".wav", ".npz"), *SMALL) == 0
        assert run("features", name, *SMALL) == 2
    assert run("metamer", "a.wav", "-o", names[-1], "--steps=1", *SOON) == 0
    record = json.loads((folder / names[-1]).with_suffix(".json").read_text(encoding="utf-8"))
    assert record["metamers"][0]["file"] == names[-1]


def test_help_in_ascii():
    code, out, err = finish(start("--help", env=STRICT))
    assert (code, err) == (0, "")
    assert "metamer" in out


def test_a_full_disk_is_said_in_a_line_before_the_work(folder, monkeypatch, capsys):
    usage = shutil.disk_usage(folder)._replace(free=150_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    monkeypatch.chdir(folder)
    assert run("metamer", "a.wav", "-o", "out.wav", *SMALL) == 1
    err = capsys.readouterr().err
    assert err.startswith("jtfs-jax metamer: error: out.wav: ")
    assert "the disk has 150 kB" in err
    assert err.count("\n") == 1
    assert len(list(folder.iterdir())) == 3


@pytest.mark.usefixtures("quick_compile")
def test_a_disk_that_fills_up_leaves_the_state(folder, monkeypatch):
    """Emulated by a limit on file sizes: the state fits, the picture does not."""
    program = (
        "import resource, runpy, sys; from jtfs_jax._cli import _metamer, main\n"
        "write = _metamer.write\n"
        "def full(*a):\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)); write(*a)\n"
        "_metamer.write = full\n"
        "sys.exit(main())"
    )
    arguments = ["metamer", "a.wav", "-o", "out.wav", "--steps=2", *SOON]
    code, _, err = finish(start(*arguments, program=["-c", program], cwd=folder))
    assert code == 1
    assert err.splitlines()[-1].startswith("jtfs-jax metamer: error: out.target.wav: ")
    assert "Traceback" not in err
    names = {path.name for path in folder.iterdir()}
    assert names == {"a.wav", "b.wav", "c.wav", "out.state.npz"}
    monkeypatch.chdir(folder)
    assert run("metamer", "--resume", "out.wav") == 0
    assert (folder / "out.png").exists()
