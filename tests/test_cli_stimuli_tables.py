"""Tables of stimuli: TOML and CSV, names of sounds, and errors reported before any work."""

import csv
import itertools
import sys
from pathlib import Path

import pytest
from command import run
from stimuli import BASE, Raw, rows_of, toml, write_sounds

from jtfs_jax._cli._descriptions import STIMULI_MORE
from jtfs_jax._cli._stimuli_names import names_of
from jtfs_jax._cli._stimuli_table import read_table

pytestmark = pytest.mark.usefixtures("quick_compile")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_sounds()
    return tmp_path


def test_toml_and_csv_mean_the_same(folder):
    both = toml(
        recordings=Raw('["up.wav", {path = "down.flac", start = 0.01}]'),
        transform=["jtfs", "time_scattering"],
        T=[16, "global"],
        J_fr=[1, 2],
        F=1,
        seeds=3,
        level="rms",
        target_level=-30,
        ramp=0.01,
    )
    header = [
        *BASE,
        "transform",
        "F",
        "recording",
        "start",
        "seeds",
        "level",
        "target_level",
        "ramp",
    ]
    rows: list[list] = [header]
    names = ("transform", "T", "J_fr")
    for (recording, start_), *varying in itertools.product(
        [("up.wav", ""), ("down.flac", "0.01")], ["jtfs", "time_scattering"], [16, "global"], [1, 2]
    ):
        settings = BASE | dict(zip(names, varying, strict=True))
        if settings["transform"] == "time_scattering":
            if settings["J_fr"] == 2:
                continue  # no such wavelets exist
            settings["J_fr"] = ""
        settings |= {"F": 1, "recording": recording, "start": start_, "seeds": "0 1 2"}
        settings |= {"level": "rms", "target_level": -30, "ramp": 0.01}
        rows.append([settings[name] for name in header])
    rows.append([""] * len(header))
    path = Path("sounds/table.csv")
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(rows)
    expected, found = read_table(both), read_table(path)
    assert len(expected.conditions) == 2 * (2 * 2 + 2)
    identities = [
        [(each.identity, each.seeds, each.recording) for each in table.conditions]
        for table in (expected, found)
    ]
    assert identities[0] == identities[1]
    assert names_of(expected.conditions) == names_of(found.conditions)
    assert expected[2:5] == found[2:5] == ("rms", -30.0, 0.01)
    assert names_of(found.conditions)[1] == ("up", "up-jtfs-T16-J_fr2")
    assert names_of(found.conditions)[-1] == ("down", "down-time_scattering-Tglobal")


def test_tables_of_the_help_are_tables(folder):
    for suffix, n in (("toml", 2 * 2 * 2), ("csv", 2)):
        _, after = STIMULI_MORE.split(f"table.{suffix} has", 1)
        lines = itertools.takewhile(lambda line: line[:1] == " ", after.splitlines()[1:])
        path = Path(f"sounds/help.{suffix}")
        path.write_text("\n".join(line.strip() for line in lines))
        conditions = read_table(path).conditions
        assert len(conditions) == n
        assert conditions[0].seeds == tuple(range(5))


def test_help_fits_a_terminal(capsys):
    assert run("stimuli", "--help") == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 100


def test_names_tell_parts_and_recordings_apart(folder):
    (folder / "sounds/more").mkdir()
    recordings = '["up.wav", {path = "up.wav", start = 0.5}, "more/up.flac", "Up.wav"]'
    conditions = read_table(toml(recordings=Raw(recordings), seed=[5, 7])).conditions
    names = ["up-start0", "up-start0.5", "up-2", "Up-3"]
    assert names_of(conditions) == [(name, name) for name in names]
    assert {each.seeds for each in conditions} == {(5, 7)}


def test_lines_that_differ_by_seeds_are_one_condition(folder):
    path = Path("sounds/table.csv")
    path.write_text("recording,T,seed\nup.wav,16,3\nup.wav,32,\nup.wav,16.0,1\n")
    assert [each.seeds for each in read_table(path).conditions] == [(3, 1), (0,)]


def lines(*text):
    return ("table.csv", "\n".join(text))


UP = 'recordings = "up.wav"\n'
WRONG = {
    "suffix": (("table.txt", ""), "table.txt: the name of a table must end in .toml or .csv"),
    "no TOML": (("table.toml", "T = = 3"), "table.toml: this is not valid TOML"),
    "not text": (("table.toml", b"\xff\xfe"), "table.toml: this table must be text in UTF-8"),
    "no recording": (("table.toml", "T = 16"), "recordings must have at least one value"),
    "number as recording": (("table.toml", "recordings = 3"), "recordings must be file names"),
    "entry": (
        ("table.toml", 'recordings = [{path = "up.wav", end = 3}]'),
        "recordings: 'end' is not a setting; use path, start, duration",
    ),
    "unknown key": (("table.toml", UP + "t = 16"), "table.toml: 't' is not a setting; use"),
    "value": (("table.toml", UP + 'T = ["x"]'), "T: must be a number or \"global\", got 'x'"),
    "switch": (("table.toml", UP + "J = true"), "J must be a number or a string, got True"),
    "choice": (("table.toml", UP + 'transform = "stft"'), "transform: invalid choice: 'stft'"),
    "double value": (("table.toml", UP + "T = [16, 16.0]"), "T lists 16.0 twice"),
    "double seed": (("table.toml", UP + "seeds = [1, 1]"), "seeds must be different numbers"),
    "no seeds": (("table.toml", UP + "seeds = 0"), "seeds: must be an integer, between 1"),
    "seed and seeds": (("table.toml", UP + "seeds = 2\nseed = 1"), "seeds and seed mean the same"),
    "level": (("table.toml", UP + 'level = "LUFS"'), "level: invalid choice"),
    "level without meaning": (("table.toml", UP + "target_level = -20"), "has no effect if"),
    "ramp": (("table.toml", UP + "ramp = 2"), "up.wav: ramp must be at most half of the 0.256"),
    "missing file": (
        ("table.toml", 'recordings = ["up.wav", "no.wav"]'),
        "table.toml: sounds/no.wav: there is no such file",
    ),
    "long wavelets": (
        ("table.toml", UP + "sample_rate = 8000\nT = 16\nJ = [4, 14]"),
        "table.toml: sounds/up.wav: J 14 needs at least 2^14",
    ),
    "wide average": (
        ("table.toml", UP + "sample_rate = 8000\nJ = 4\nT = [16, 5000]"),
        "table.toml: sounds/up.wav: T must be",
    ),
    "header": (lines("path,T", "up.wav,16"), "one of which is recording, got path, T"),
    "semicolons": (lines("recording;T", "up.wav;16"), "separated by commas"),
    "column": (lines("recording,t", "up.wav,16"), "table.csv: line 1: 't' is not a setting"),
    "double column": (lines("recording,T,T", "up.wav,1,2"), "line 1: T occurs twice"),
    "cells": (lines("recording,T", "up.wav"), "line 2 must have as many columns"),
    "no rows": (lines("recording,T", ","), "this table has no conditions"),
    "row without recording": (lines("recording,T", ",16"), "line 2 has no recording"),
    "cell": (lines("recording,T", "up.wav,", "up.wav,x"), "line 3: T: must be a number"),
    "missing file in a row": (lines("recording", "up.wav", "no.wav"), "line 3: sounds/no.wav: "),
    "double condition": (
        lines("recording,T,seeds", "up.wav,16,2", "up.wav,16.0,1 2"),
        "table.csv: line 3 has the same settings and seed 1 as line 2; change",
    ),
    "level of a row": (
        lines("recording,T,level", "up.wav,16,rms", "up.wav,32,loudness"),
        "level applies to the whole set and must be the same in all lines",
    ),
    "loudness of short sounds": (
        ("table.toml", UP + 'sample_rate = 8000\nlevel = "loudness"'),
        "up.wav: loudness needs blocks of 0.4 s, but only 0.256 s are used",
    ),
    "rates of a page": (
        ("table.toml", UP + "J = 4\nJ_fr = 2\nT = 64\nsample_rate = [8000, 4000]"),
        "sample_rate must be the same for all sounds of --page, got 4000 and 8000",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_before_any_work(folder, capsys, name):
    (file, text), message = WRONG[name]
    path = folder / "sounds" / file
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    page = ["--page"] if "page" in name else []
    assert run("stimuli", path.relative_to(folder), "-o", "out", *page) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert err.startswith("jtfs-jax stimuli: error: sounds/table.")
    assert (out, err.count("\n")) == ("", 1)
    assert not (folder / "out").exists()


def test_folders_of_something_else_are_left_alone(folder, capsys):
    table = toml(recordings=["up.wav"])
    assert run("stimuli", table, "-o", "sounds", "--overwrite") == 2
    assert "sounds: this is not a folder of stimuli" in capsys.readouterr().err
    assert run("stimuli", table, "-o", "none/out") == 2
    assert "there is no folder none" in capsys.readouterr().err
    assert run("stimuli", table) == 2


def test_missing_pyloudnorm_is_said_before_the_work(folder, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pyloudnorm", None)
    assert run("stimuli", toml(recordings=["up.wav"], level="loudness"), "-o", "out") == 1
    assert "pip install 'jtfs_jax[stimuli]'" in capsys.readouterr().err
    assert not (folder / "out").exists()
    assert run("stimuli", toml(recordings=["up.wav"]), "-o", "out") == 0
    assert {row["loudness_lufs"] for row in rows_of(folder / "out")} == {""}
