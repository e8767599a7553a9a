"""Library errors in terms of command-line options, and progress without a terminal."""

import argparse
import warnings
from typing import Any

import pytest
from command import run

import jtfs_jax
from jtfs_jax._cli._errors import with_options
from jtfs_jax._cli._progress import Progress

NAMES = ("J", "Q", "T", "J_fr", "Q_fr", "F", "preset", "duration", "sample_rate", "start")
NAMES += ("channels", "seed", "count", "audio")


def error_of(arguments: dict[str, Any]):
    with pytest.raises(ValueError, match="must") as raised:
        jtfs_jax.filterbank(1024, **{"J": 4, "Q": 4, "J_fr": 2, **arguments})
    return str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "start", "end"),
    [
        ({"T": 5000}, "--T must be 0", "use --T global."),
        ({"F": 1000}, "--F must be 0", "use --F global."),
        ({"J_fr": 9}, "--J-fr must be", "lower --J-fr or raise --Q."),
        ({"J": 20}, "--J must be such that 2^J is", "lower --J or use longer signals."),
        ({"preset": "best"}, "--preset must be", "got 'best'."),
    ],
)
def test_errors_of_filterbank_name_options(arguments, start, end):
    text = with_options(error_of(arguments), NAMES)
    assert text.startswith(start)
    assert text.endswith(end)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("with J=12 and T='global' or F=0.5.", "with --J 12 and --T global or --F 0.5."),
        ("lower Q1 or raise J2: 2**J1 = 16", "lower --Q or raise --J: 2^J = 16"),
        ("sample_rate is 5", "--sample-rate is 5"),
        ("start must be below 3 s; or duration=2", "--start must be below 3 s; or --duration 2"),
        ('its 2 channels cancel; channels="first"', "its 2 channels cancel; --channels first"),
        ("see F/T.wav and J.flac, T-1.wav", "see F/T.wav and J.flac, T-1.wav"),
        ("J_max, xJ and T2 stay", "J_max, xJ and T2 stay"),
    ],
)
def test_words_that_are_arguments_become_options(text, expected):
    assert with_options(text, NAMES) == expected


@pytest.mark.usefixtures("quick_compile")
def test_warnings_are_lines_with_options(tmp_path, monkeypatch, capsys):
    def warn(*_, **__):
        warnings.warn("crow.flac: it is weak; raise J.\nOr T=8.", UserWarning, stacklevel=1)
        raise ValueError("no sound")

    monkeypatch.setattr("jtfs_jax.audio.load", warn)
    assert run("scalogram", "-o", tmp_path / "a.png") == 2
    lines = capsys.readouterr().err.splitlines()
    # T is not an option of this command.
    assert lines[0] == "jtfs-jax: warning: crow.flac: it is weak; raise --J. Or T=8."
    assert len(lines) == 2


@pytest.mark.parametrize(("total", "n_lines"), [(4, 4), (10, 10), (100, 10), (1234, 10)])
def test_progress_is_a_line_every_tenth(capsys, total, n_lines):
    with Progress(total, "step", argparse.Namespace(quiet=False)) as progress:
        for done in range(1, total + 1):
            progress.update(done, "error 1 %")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == n_lines
    assert lines[-1].startswith(f"{total}/{total} steps, error 1 %")


def test_a_quiet_command_reports_errors_alone(capsys):
    with Progress(1, "file", argparse.Namespace(quiet=True)) as progress:
        progress.begin("compiling")
        progress.result("made")
        progress.update(1)
        progress.error("an error")
    assert capsys.readouterr() == ("", "an error\n")
