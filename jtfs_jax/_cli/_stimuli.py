"""The command `jtfs-jax stimuli`: a set of metamers from a table of recordings and conditions."""

import argparse
import sys

import numpy as np

from jtfs_jax._extras import require

from . import _interrupt
from ._progress import duration
from ._steps import Steps
from ._stimuli_files import write
from ._stimuli_folder import (
    PAGE,
    RECORD,
    TABLE,
    about_set,
    begin,
    check_files,
    check_room_of_states,
    end,
)
from ._stimuli_levels import check_level
from ._stimuli_set import StimulusSet, in_table, seconds_of
from ._stimuli_table import read_table


def stimuli(options: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    for module in ("soundfile", "soxr", "tqdm", *(["matplotlib"] if options.page else [])):
        require(module, "audio,plot")
    table = read_table(options.table)
    check_level(table)
    about = about_set(options.output, options)
    the_set = StimulusSet(table, options.output, about["run"])
    the_set.restore()
    _check_page(the_set, options)
    check_files(the_set, about, options)
    _check_searches(the_set)
    begin(the_set, about, options)
    interrupted = bool(the_set.left) and _advance(the_set, options)
    if the_set.left:
        n_left, n = len(the_set.left), len(the_set.stimuli)
        command = f"the same command{' without --overwrite' if options.overwrite else ''}"
        print(
            f"{options.output}: {n - n_left} of {n} metamers are complete; {command} continues the "
            f"set.",
            file=sys.stderr,
        )
        return _interrupt.status() or 130
    gain = write(the_set, about, options)
    end(the_set, about, options)
    if gain < 1:
        print(
            f"All sounds, including targets, are written {-20 * np.log10(gain):.1f} dB quieter "
            f"(gain {gain:.3f}) to avoid clipping.",
            file=sys.stderr,
        )
    if not options.quiet:
        _report(the_set, options)
    return (_interrupt.status() or 130) if interrupted else 0


def _check_page(the_set: StimulusSet, options: argparse.Namespace) -> None:
    rates = sorted({target.sample_rate for target in the_set.targets})
    if options.page and len(rates) > 1:
        raise ValueError(
            f"{the_set.table.path}: sample_rate must be the same for all sounds of --page, got "
            f"{' and '.join(map(str, rates))}; leave out --page, or make one set per rate."
        )


def _check_searches(the_set: StimulusSet) -> None:
    """Check the settings of all filters by building them, and that there is room for states."""
    n_bytes_a_sample, programs = 0.0, set()
    for stimulus in the_set.stimuli:
        if stimulus.program not in programs:
            programs.add(stimulus.program)
            search = stimulus.search()
            n_bytes_a_sample = max(n_bytes_a_sample, search.n_bytes_of_state() / search.x.size)
    check_room_of_states(the_set, n_bytes_a_sample)


def _advance(the_set: StimulusSet, options: argparse.Namespace) -> bool:
    """Take the remaining steps, one metamer at a time; return whether they were interrupted."""
    with Steps(the_set, the_set.total, options, "the same command") as steps:
        steps.lines.begin("compiling")
        is_first = True
        for stimulus, search in the_set.searches():
            if is_first:
                _say_work(the_set, seconds_of(the_set, search), steps)
            is_first = False
            the_set.current = stimulus
            stimulus.begin(search)
            with in_table(stimulus.condition):
                steps.take(search, stimulus.one, stimulus.n_steps, stimulus.name)
            stimulus.end()
            if steps.interrupted:
                break
    return steps.interrupted


def _say_work(the_set: StimulusSet, seconds: float, steps: Steps) -> None:
    n_done = len(the_set.stimuli) - len(the_set.left)
    if n_done:
        steps.lines.report(f"Metamers already complete: {n_done} of {len(the_set.stimuli)}")
    steps.lines.report(
        f"{len(the_set.left)} metamers of {len(the_set.targets)} recordings: "
        f"{the_set.total - the_set.n_steps} steps take about {duration(seconds)}"
    )


def _report(the_set: StimulusSet, options: argparse.Namespace) -> None:
    errors = [float(stimulus.one.history["error"][-1]) for stimulus in the_set.stimuli]
    print(
        f"{options.output}: {len(errors)} metamers of {len(the_set.targets)} recordings, errors "
        f"{100 * min(errors):.2f} % to {100 * max(errors):.2f} %"
    )
    print(f"Table: {options.output / TABLE}   Record: {options.output / RECORD}")
    if options.page:
        print(f"Page: {options.output / PAGE}")
