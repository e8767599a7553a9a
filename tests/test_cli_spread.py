"""`metamer --spread`: metamers moved apart in one run, in parts, and afterwards."""

import json
import re
import shutil

import numpy as np
import pytest
from command import run
from helpers import relative_error

import jtfs_jax
from jtfs_jax import audio
from jtfs_jax._cli._steps import Steps

pytestmark = pytest.mark.usefixtures("quick_compile")

RATE, N, BOUND = 8000, 512, 0.3
SMALL = ["--transform=time_scattering", "--J=3", "--Q=1", "--T=64", f"--sample-rate={RATE}"]
SMALL += [f"--duration={N / RATE}", "--count=2"]
SPREAD = f"--spread={BOUND}"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with a recording and a run of 8 steps, saved as `whole.wav`."""
    folder = tmp_path_factory.mktemp("whole")
    t = np.arange(N) / RATE
    audio.save(folder / "up.wav", 0.3 * np.sin(2 * np.pi * (400 + 3000 * t) * t), RATE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        arguments = ["-o", "whole.wav", "--steps=8", SPREAD, "--page", *SMALL]
        assert run("metamer", "up.wav", *arguments) == 0
    return folder


@pytest.fixture
def folder(whole, tmp_path, monkeypatch):
    shutil.copy(whole / "up.wav", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def record(path):
    return json.loads(path.read_text(encoding="utf-8"))


def assert_same(whole, folder, name):
    for k in (1, 2):
        assert (folder / f"{name}-{k}.wav").read_bytes() == (whole / f"whole-{k}.wav").read_bytes()
    files = (whole / "whole.json", folder / f"{name}.json")
    expected, found = (record(file)["spread"] for file in files)
    del expected["seconds"], found["seconds"]
    assert found == expected


def mean_square(distances):
    return np.square(distances)[np.triu_indices(len(distances), 1)].mean()


def test_what_is_written_is_apart_and_within_the_bound(whole):
    found = record(whole / "whole.json")
    spread = found["spread"]
    assert (found["settings"]["spread"], spread["max_error"], spread["steps"]) == (BOUND, BOUND, 50)
    assert mean_square(spread["distances"]) > 1.2 * mean_square(spread["start_distances"])
    assert spread["seconds"] > 0
    bank = jtfs_jax.filterbank(N, J=3, Q=1, T=64)
    fine = jtfs_jax.filterbank(N, J=3, Q=1, T=64)  # 10 ms are about 2^6 samples
    sounds = [audio.load(whole / f"whole{name}.wav", RATE) for name in (".target", "-1", "-2")]
    target, *S = (jtfs_jax.time_scattering(bank, np.float32(x).reshape(-1)) for x in sounds)
    errors = [relative_error(s, target) for s in S]
    np.testing.assert_allclose(spread["errors"], errors, rtol=1e-2)
    assert max(errors) < BOUND
    y = np.stack([np.float32(x).reshape(-1) for x in sounds[1:]])
    distances = jtfs_jax.resynthesis.mutual_distances(fine, y)
    np.testing.assert_allclose(spread["distances"], distances, atol=1e-3)
    assert re.search(r"spread\W+0\.3\b", (whole / "whole.html").read_text(encoding="utf-8"))


@pytest.mark.parametrize("n_steps", [0, 20, 50])
def test_a_run_killed_on_the_way_is_one_run(whole, folder, monkeypatch, n_steps):
    after, n_left = Steps.after, [n_steps]

    class Killed(BaseException):
        pass

    def die(self, note):
        stop = after(self, note)
        if note == "moving apart":
            if n_left[0] == 0:
                self.save()
                raise Killed
            n_left[0] -= 1
        return stop

    monkeypatch.setattr(Steps, "after", die)
    with pytest.raises(Killed):
        run("metamer", "up.wav", "-o", "parts.wav", "--steps=8", SPREAD, *SMALL)
    assert not (folder / "parts-1.wav").exists()
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    assert run("metamer", "--resume", "parts.wav") == 0
    assert_same(whole, folder, "parts")


def test_metamers_may_be_moved_apart_later_and_again(whole, folder):
    """Metamers of a run without --spread, of a run with more steps, and within another bound."""
    assert run("metamer", "up.wav", "-o", "later.wav", "--steps=5", *SMALL) == 0
    assert record(folder / "later.json")["spread"] is None
    alone = (folder / "later-1.wav").read_bytes()
    assert run("metamer", "--resume", "later.wav", "--spread=0.5") == 0
    assert record(folder / "later.json")["spread"]["max_error"] == 0.5
    assert (folder / "later-1.wav").read_bytes() != alone
    assert run("metamer", "--resume", "later.wav", "--steps=8", SPREAD) == 0
    assert_same(whole, folder, "later")
    assert run("metamer", "--resume", "later.wav") == 0
    assert_same(whole, folder, "later")


def test_a_bound_below_the_errors_keeps_the_state(whole, folder, capsys):
    arguments = ["up.wav", "-o", "near.wav", "--steps=1", "--spread=0.01", *SMALL]
    assert run("metamer", *arguments) == 2
    err = capsys.readouterr().err
    assert re.search(
        r"--spread 0\.01 must be above all errors, which are up to 0\.\d+ after 1 st", err
    )
    assert {path.name for path in folder.iterdir()} == {"up.wav", "near.state.npz"}
    assert run("metamer", "--resume", "near.wav", "--steps=8", SPREAD) == 0
    assert_same(whole, folder, "near")


WRONG = {
    "one": (["--count=1", SPREAD], "--spread needs several metamers; give --count 2 or more"),
    "number": (["--spread=near"], "--spread: must be a number, between 1e-06 and 1, got 'near'"),
    "nothing": (["--spread=0"], "--spread: must be a number, between 1e-06 and 1, got '0'"),
    "percent": (["--spread=2"], "between 1e-06 and 1, got '2'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_conflicts_are_refused_in_words(folder, capsys, name):
    arguments, message = WRONG[name]
    assert run("metamer", "up.wav", "-o", "out.wav", *SMALL, *arguments) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["up.wav"]
