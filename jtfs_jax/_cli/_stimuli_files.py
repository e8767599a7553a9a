"""The files of a set of stimuli: sounds, a table of them, a record, and a page."""

import argparse
import contextlib
import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jtfs_jax import audio, listening
from jtfs_jax._files import replacing

from ._options import plain
from ._provenance import provenance
from ._stimuli_folder import PAGE, RECORD, TABLE
from ._stimuli_levels import faded, measured
from ._stimuli_set import Stimulus, StimulusSet, Target
from ._stimuli_settings import OF_THE_TRANSFORM


class _Sound(NamedTuple):
    """A sound of the set, with ramps, before the gain of its target and the common gain."""

    target: Target
    samples: np.ndarray
    stimulus: Stimulus | None  # None for the target itself

    @property
    def file(self) -> Path:
        return (self.stimulus or self.target).file


def write(the_set: StimulusSet, about: dict[str, Any], options: argparse.Namespace) -> float:
    """Write everything to temporary files, and rename them only once all are complete.

    The table is renamed last, so that a set with a table is complete.

    Returns:
        The common gain that avoids clipping.
    """
    peak = max(sound.target.gain * float(np.abs(sound.samples).max()) for sound in _sounds(the_set))
    gain = 1 / max(1.0, peak)
    with contextlib.ExitStack() as stack:

        def partial_of(file: Path) -> Path:
            path = the_set.folder / file
            path.parent.mkdir(exist_ok=True)
            return stack.enter_context(replacing(path))

        table, record = partial_of(TABLE), partial_of(RECORD)
        page = partial_of(PAGE) if options.page else None
        rows: list[dict[str, Any]] = []
        for sound in _sounds(the_set):
            own = gain * sound.target.gain
            samples = own * sound.samples
            partial = partial_of(sound.file)
            audio.save(partial, samples, sound.target.sample_rate)
            sha256 = hashlib.sha256(partial.read_bytes()).hexdigest()
            rows.append(_row(sound, samples, own) | {"sha256": sha256})
        _write_table(table, rows)
        _write_record(record, the_set, rows, about, gain)
        if page is not None:
            _write_page(page, the_set, gain)
    return gain


def _sounds(the_set: StimulusSet) -> Iterator[_Sound]:
    """Yield each target, followed by its metamers."""
    ramp = the_set.table.ramp
    for target in the_set.targets:
        yield _Sound(target, faded(target.x, target.sample_rate, ramp), None)
        for stimulus in the_set.stimuli:
            if stimulus.target is target:
                samples = faded(stimulus.sound(), target.sample_rate, ramp)
                yield _Sound(target, samples, stimulus)


def _row(sound: _Sound, samples: np.ndarray, gain: float) -> dict[str, Any]:
    """Return a row of the table, with empty cells for values that a target does not have."""
    target, stimulus = sound.target, sound.stimulus
    options = target.condition.options
    return {
        "file": sound.file.as_posix(),
        "kind": "target" if stimulus is None else "metamer",
        "recording": target.condition.recording,
        "recording_sha256": target.facts["sha256"],
        "start": options.start,
        "duration": samples.shape[-1] / target.sample_rate,
        "sample_rate": target.sample_rate,
        "channels": options.channels,
        "n_channels": len(samples) if samples.ndim == 2 else 1,
        "n_samples": samples.shape[-1],
        **_search_of(stimulus),
        "gain": gain,
        **measured(samples, target.sample_rate),
    }


def _search_of(stimulus: Stimulus | None) -> dict[str, Any]:
    names = (*OF_THE_TRANSFORM, "optimizer", "seed", "steps", "error", "jtfs_jax")
    if stimulus is None:
        return dict.fromkeys(names)
    known = stimulus.condition.settings | {
        "seed": stimulus.seed,
        "steps": stimulus.one.n_steps,
        "error": float(stimulus.one.history["error"][-1]),
        "jtfs_jax": stimulus.run.about["jtfs_jax"],
    }
    if known["F"] is None and known["J_fr"] is not None:
        known["F"] = 2 ** known["J_fr"]
    return {name: plain(known[name]) for name in names}


def _write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    # File names that are not valid text become escapes.
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _write_record(
    path: Path,
    the_set: StimulusSet,
    rows: list[dict[str, Any]],
    about: dict[str, Any],
    gain: float,
) -> None:
    """Write the rows of the table with provenance, settings of the set, and errors at each step."""
    table = the_set.table
    record = {
        **provenance(about["commands"]),
        "table": {"file": table.path.name, "content": table.as_read},
        "level": table.level,
        "target_level": None if table.level == "as recorded" else table.target_level,
        "ramp": table.ramp,
        "gain_against_clipping": gain,
        "recordings": [target.facts for target in the_set.targets],
        "sounds": rows,
        "errors": {stimulus.file.as_posix(): _errors_of(stimulus) for stimulus in the_set.stimuli},
    }
    text = json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def _write_page(path: Path, the_set: StimulusSet, gain: float) -> None:
    """Write a page with one comparison per condition."""
    targets: dict[str, np.ndarray] = {}
    metamers: dict[str, dict[str, np.ndarray]] = {}
    errors: dict[str, dict[str, list[float]]] = {}
    for sound in _sounds(the_set):
        samples, stimulus = gain * sound.target.gain * sound.samples, sound.stimulus
        if stimulus is None:
            targets[sound.target.name] = samples
            continue
        name = f"seed {stimulus.seed}"
        metamers.setdefault(stimulus.of_condition, {})[name] = samples
        errors.setdefault(stimulus.of_condition, {})[name] = _errors_of(stimulus)
    of_condition = {stimulus.of_condition: stimulus for stimulus in the_set.stimuli}
    comparisons = [
        listening.Comparison(
            title=name,
            target=targets[stimulus.target.name],
            metamers=metamers[name],
            errors=errors[name],
            settings={
                key: plain(value)
                for key, value in stimulus.condition.settings.items()
                if value is not None
            },
        )
        for name, stimulus in of_condition.items()
    ]
    rate = the_set.targets[0].sample_rate
    listening.write_page(path, comparisons, sample_rate=rate, title="Stimuli")


def _errors_of(stimulus: Stimulus) -> list[float]:
    """Return the errors at each step, starting with the initial noise."""
    return np.array(stimulus.one.history["error"]).tolist()
