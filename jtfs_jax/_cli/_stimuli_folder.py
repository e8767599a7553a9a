"""The folder of a set of stimuli: the identity of the set, and which files may be written."""

import argparse
import json
import shlex
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jtfs_jax._files import check_writable, replacing

from ._outputs import check_outputs, check_room
from ._stimuli_set import STATES, StimulusSet, states_in

TABLE, RECORD, PAGE = Path("stimuli.csv"), Path("stimuli.json"), Path("stimuli.html")
_ABOUT = Path(STATES, "set.json")
_BYTES_OF_A_SAMPLE = 3
_BYTES_OF_A_STEP = 100  # in states and in the record


def about_set(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Return the identity of the existing or new set, its commands and the files written for it.

    Raises:
        ValueError: If the folder cannot be written, or contains something else.
    """
    check_writable(folder.with_name(f"{folder.name}-"))
    new = {"run": uuid.uuid4().hex, "commands": [], "files": []}
    try:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        about = {name: about[name] for name in new}
    except FileNotFoundError:
        about = new
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ValueError(
                f"{folder}: this is not a folder of stimuli, so it is not replaced; write "
                f"elsewhere."
            ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{folder / _ABOUT}: this does not identify a set of stimuli ({error}); write "
            f"elsewhere."
        ) from None
    if options.overwrite:
        about = new | {"files": about["files"]}
    about["commands"].append(shlex.join(options.command_line))
    return about


def files_of(the_set: StimulusSet, options: argparse.Namespace) -> list[Path]:
    """Return the paths of all files to write, relative to the folder of the set."""
    sounds = [sound.file for sound in (*the_set.targets, *the_set.stimuli)]
    return [*sounds, TABLE, RECORD, *([PAGE] if options.page else [])]


def check_files(the_set: StimulusSet, about: dict[str, Any], options: argparse.Namespace) -> None:
    """Raise if a file cannot be written or is not part of this set, or if there is no room."""
    folder, own = the_set.folder, set(about["files"])
    for target in the_set.targets:
        if any((folder / file).resolve() == target.condition.source.resolve() for file in own):
            raise ValueError(
                f"{target.condition.place}: {target.condition.source} is a sound of the set in "
                f"{folder} and would be replaced; copy it, or give another --output."
            )
    sources = {target.name: target.condition.source for target in the_set.targets}
    files = [file for file in files_of(the_set, options) if file.as_posix() not in own]
    outputs = [(folder / file, sources.get(file.parent.name, folder)) for file in files]
    check_outputs(outputs, options, within=folder.parent)
    n_samples = sum(sound.x.size for sound in the_set.targets)
    n_samples += sum(stimulus.run.x.size for stimulus in the_set.stimuli)
    check_room(folder / TABLE, n_samples * _BYTES_OF_A_SAMPLE)


def check_room_of_states(the_set: StimulusSet, n_bytes_a_sample: float) -> None:
    """Raise if there is no room for the states of the remaining metamers."""
    n_bytes = sum(
        n_bytes_a_sample * stimulus.run.x.size + stimulus.n_steps * _BYTES_OF_A_STEP
        for stimulus in the_set.left
    )
    check_room(the_set.folder / TABLE, round(n_bytes))


def begin(the_set: StimulusSet, about: dict[str, Any], options: argparse.Namespace) -> None:
    """Write the identity of the set, before anything else."""
    folder = the_set.folder
    (folder / STATES).mkdir(parents=True, exist_ok=True)
    files = {file.as_posix() for file in files_of(the_set, options)}
    about["files"] = sorted({*about["files"], *files})
    _write(folder, about)
    if options.overwrite:  # remove states of the previous set, which has another identity
        for path in states_in(folder):
            path.unlink()
    for path in folder.rglob(".*.partial*"):  # left by a killed run
        path.unlink(missing_ok=True)


def end(the_set: StimulusSet, about: dict[str, Any], options: argparse.Namespace) -> None:
    """Remove files that were written for the set earlier and are no longer part of it."""
    files = files_of(the_set, options)
    kept = {file.as_posix() for file in files}
    _remove(the_set.folder, (file for file in about["files"] if file not in kept))
    about["files"] = sorted(kept)
    _write(the_set.folder, about)


def _remove(folder: Path, files: Iterable[str]) -> None:
    for file in files:
        path = folder / file
        path.unlink(missing_ok=True)
        if path.parent != folder and path.parent.is_dir() and not any(path.parent.iterdir()):
            path.parent.rmdir()


def _write(folder: Path, about: dict[str, Any]) -> None:
    with replacing(folder / _ABOUT) as partial:
        text = json.dumps(about, indent=1)
        partial.write_text(text + "\n", encoding="utf-8")
