"""The command `jtfs-jax metamer`: metamers of a recording, with a picture and a record."""

import argparse
import shlex
import time
from pathlib import Path
from typing import Any

import numpy as np

from jtfs_jax import plot
from jtfs_jax._extras import require
from jtfs_jax.resynthesis import ResynthesisState

from . import _interrupt
from ._errors import in_options
from ._metamer_files import (
    Outputs,
    new_outputs,
    record_of,
    resumed_outputs,
    say_gain,
    sounds_of,
    state_to_resume,
    write,
)
from ._metamer_run import Run, begin_run, resume_run, together
from ._outputs import check_room
from ._progress import duration
from ._recording import settings_of, source_of
from ._search import Search, search_for
from ._steps import Steps

_BYTES_OF_A_SAMPLE = 3
_BYTES_OF_A_STEP = 100  # in the record
_BYTES_OF_A_PICTURE = 200_000
_STEPS_APART = 50


def metamer(options: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    for module in ("matplotlib", "soundfile", "soxr", "tqdm"):
        require(module, "audio,plot")
    prepare = _begun if options.resume is None else _resumed
    run, outputs, search = prepare(options)
    if options.spread is not None and options.count < 2:
        raise ValueError("--spread needs several metamers; give --count 2 or more.")
    run.about["commands"].append(shlex.join(options.command_line))
    run.about["page"] = options.page
    interrupted = False
    if run.n_steps < _n_steps(options):
        _try_room(outputs, search, options)
        interrupted = _advance(run, search, options)
    if run.n_steps == 0:
        raise KeyboardInterrupt  # before the first step, there is nothing but noise to write
    sounds = sounds_of(outputs, run)
    record = record_of(run, sounds, options) | {
        "settings": _settings(options, search),
        "spread": _spread_of(run, search),
        "interrupted": interrupted,
    }
    errors = together([one.history["error"] for one in run.begun])
    y = run.sounds[int(errors[-1].argmin())]
    title = Path(run.about["audio"]).name
    rate, bank = options.sample_rate, search.bank
    figure = plot.metamer(bank, run.x, y, errors, sample_rate=rate, title=title)
    write(outputs, sounds, rate, figure, record, bank)
    say_gain(sounds)
    if not options.quiet:
        _report(outputs, run, record)
    return (_interrupt.status() or 130) if interrupted else 0


def _begun(options: argparse.Namespace) -> tuple[Run, Outputs, Search]:
    """Start a new run after checking its files, recording and filters."""
    source = source_of(options.audio)
    outputs = new_outputs(options, source)
    run = begin_run(outputs.state, options)
    run.about["suffix"] = outputs.sounds[0].suffix
    return run, outputs, search_for(source, run.x, options)


def _resumed(options: argparse.Namespace) -> tuple[Run, Outputs, Search]:
    """Restore the last saved state of the run that `--resume` refers to."""
    path = state_to_resume(options)
    run, arrays = resume_run(path, options)
    source = Path(run.about["audio"])
    outputs = resumed_outputs(run, options, source)
    search = search_for(source, run.x, options)
    run.restore(arrays, search.state_like(), search.apart_like(options.count))
    done = max(one.n_steps for one in run.metamers)
    if options.steps < done:
        raise ValueError(
            f"{path}: --steps {options.steps} is less than the {done} steps of this run; give at "
            f"least {done}."
        )
    return run, outputs, search


def _settings(options: argparse.Namespace, search: Search) -> dict[str, object]:
    names = ("transform", "optimizer", "seed", "count", "steps", "spread")
    names += ("start", "duration", "channels")
    own = {name: getattr(options, name) for name in names}
    return own | settings_of(search.bank, options.sample_rate, search.x.shape[-1])


def _try_room(outputs: Outputs, search: Search, options: argparse.Namespace) -> None:
    """Raise an `OSError` if the disk has no room for the results."""
    of_state = search.n_bytes_of_state()
    of_one = search.x.size * _BYTES_OF_A_SAMPLE + options.steps * _BYTES_OF_A_STEP
    n_states = 1 if options.spread is None else 2
    of_one += 2 * n_states * of_state  # the old state is kept until the new one is complete
    check_room(outputs.sounds[0], options.count * of_one + _BYTES_OF_A_PICTURE)


def _advance(run: Run, search: Search, options: argparse.Namespace) -> bool:
    """Take the remaining steps, one metamer at a time; return whether they were interrupted."""
    source = Path(run.about["audio"])
    total = _n_steps(options)
    with Steps(run, total, options, "--resume") as steps, in_options(source, options):
        steps.lines.begin("compiling")
        n_left = total - run.n_steps
        n_apart = 0 if options.spread is None else _STEPS_APART - run.n_apart
        n_single = n_left + n_apart * (options.count - 1)  # all metamers move apart at once
        seconds = n_single * search.seconds_of_step()
        sound = _described(search.x, options.sample_rate)
        steps.lines.report(f"{sound}: {n_left} steps take about {duration(seconds)}")
        for k, one in enumerate(run.metamers, start=1):
            steps.take(search, one, options.steps, f"metamer {k}" if options.count > 1 else "")
        if options.spread is not None and not steps.interrupted:
            _move_apart(run, search, options, steps)
        steps.save()
    return steps.interrupted


def _n_steps(options: argparse.Namespace) -> int:
    """Return the total number of steps: for each metamer, and for moving them apart."""
    return options.steps * options.count + (0 if options.spread is None else _STEPS_APART)


def _move_apart(run: Run, search: Search, options: argparse.Namespace, steps: Steps) -> None:
    """Take the remaining steps of `--spread`."""
    largest = max(float(one.history["error"][-1]) for one in run.metamers)
    if largest >= options.spread:
        steps.save()
        raise ValueError(
            f"--spread {options.spread} must be above all errors, which are up to {largest:.4g} "
            f"after {options.steps} steps; use --resume with more --steps, or a larger --spread."
        )

    begun = time.monotonic() - run.about.get("apart", {}).get("seconds", 0.0)

    def callback(state: ResynthesisState) -> bool:
        run.move_apart(state, time.monotonic() - begun)
        return steps.after("moving apart")

    n_left = _STEPS_APART - run.n_apart
    search.move_apart(np.stack(run.found), options.spread, n_left, run.apart, callback)


def _spread_of(run: Run, search: Search) -> dict[str, object] | None:
    """Return the record of metamers that were moved apart, or None if they were not."""
    if run.apart is None:
        return None
    before, after = np.stack(run.found), np.stack(run.sounds)
    return {
        **{name: run.about["apart"][name] for name in ("max_error", "steps", "seconds")},
        "errors": search.errors(after).tolist(),
        "start_distances": search.distances(before).tolist(),
        "distances": search.distances(after).tolist(),
    }


def _described(x: np.ndarray, sample_rate: int) -> str:
    channels = f" in {len(x)} channels" if x.ndim == 2 else ""
    return f"{x.shape[-1] / sample_rate:.1f} s of sound{channels}"


def _report(outputs: Outputs, run: Run, record: dict[str, Any]) -> None:
    for path, one in zip(outputs.sounds, run.begun, strict=False):
        error, n_kept = one.history["error"][-1], sum(map(bool, one.history["accepted"][1:]))
        print(f"{path}: error {100 * error:.2f} % after {one.n_steps} steps, {n_kept} of them kept")
    if record["spread"] is not None:
        _report_spread(record["spread"])
    print(f"Target: {outputs.target}   Picture: {outputs.picture}   Record: {outputs.record}")
    if outputs.page is not None:
        print(f"Page: {outputs.page}")
    print(f"Time: {record['seconds'] + (record['spread'] or {}).get('seconds', 0):.0f} s")


def _report_spread(spread: dict[str, Any]) -> None:
    before, after = (
        np.array(spread[name])[np.triu_indices(len(spread["errors"]), 1)]
        for name in ("start_distances", "distances")
    )
    print(
        f"Moved apart in {spread['steps']} steps: distances {_span(before, 2)} before, "
        f"{_span(after, 2)} after; errors {_span(100 * np.array(spread['errors']), 2)} %"
    )


def _span(values: np.ndarray, n_digits: int) -> str:
    low, high = (f"{value:.{n_digits}f}" for value in (values.min(), values.max()))
    return low if low == high else f"{low} to {high}"
