"""The command `jtfs-jax metamer`: from a recording to sounds, a picture and a record on disk."""

import argparse
import contextlib
import shlex
import time
from pathlib import Path

import numpy as np

from jtfs_jax import plot
from jtfs_jax._extras import require
from jtfs_jax.resynthesis import ResynthesisState

from . import _interrupt
from ._errors import in_options, of_file
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
from ._metamer_run import Metamer, Run, begin_run, resume_run, together
from ._outputs import check_room
from ._progress import Progress, duration
from ._recording import settings_of, source_of
from ._search import Search, search_for

_SECONDS_BETWEEN_STATES = 30.0
_SHARE_OF_STATES = 0.05  # of the time, at most, to write states
_BYTES_OF_A_SAMPLE = 3
_BYTES_OF_A_STEP = 100  # in the record
_BYTES_OF_A_PICTURE = 200_000


def metamer(options: argparse.Namespace) -> int:
    """Carry out the command; returns the exit status."""
    for module in ("matplotlib", "soundfile", "soxr", "tqdm"):
        require(module, "audio,plot")
    prepare = _begun if options.resume is None else _resumed
    run, outputs, search = prepare(options)
    run.about["commands"].append(shlex.join(options.command_line))
    run.about["page"] = options.page
    interrupted = False
    if run.n_steps < options.steps * options.count:
        _try_room(outputs, search, options)
        interrupted = _advance(run, search, options)
    if run.n_steps == 0:
        raise KeyboardInterrupt  # before the first step there is only noise to write
    sounds = sounds_of(outputs, run)
    record = record_of(run, sounds, options) | {
        "settings": _settings(options, search),
        "interrupted": interrupted,
    }
    errors = together([one.history["error"] for one in run.begun])
    best = run.begun[int(errors[-1].argmin())]
    assert best.state is not None
    y = np.asarray(best.state.y[0])
    title = Path(run.about["audio"]).name
    rate, bank = options.sample_rate, search.bank
    figure = plot.metamer(bank, run.x, y, errors, sample_rate=rate, title=title)
    write(outputs, sounds, rate, figure, record, bank)
    say_gain(sounds)
    if not options.quiet:
        _report(outputs, run, record["seconds"])
    return (_interrupt.status() or 130) if interrupted else 0


def _begun(options: argparse.Namespace) -> tuple[Run, Outputs, Search]:
    """A new run, once all is known to be there that it needs."""
    source = source_of(options.audio)
    outputs = new_outputs(options, source)
    run = begin_run(outputs.state, options)
    run.about["suffix"] = outputs.sounds[0].suffix
    return run, outputs, search_for(source, run.x, options)


def _resumed(options: argparse.Namespace) -> tuple[Run, Outputs, Search]:
    """The run that `--resume` means, as it was saved last."""
    path = state_to_resume(options)
    run, arrays = resume_run(path, options)
    source = Path(run.about["audio"])
    outputs = resumed_outputs(run, options, source)
    search = search_for(source, run.x, options)
    run.restore(arrays, search.state_like())
    done = max(one.n_steps for one in run.metamers)
    if options.steps < done:
        raise ValueError(
            f"{path}: --steps {options.steps} are fewer than the {done} steps of this run; give at "
            f"least as many."
        )
    return run, outputs, search


def _settings(options: argparse.Namespace, search: Search) -> dict[str, object]:
    names = ("optimizer", "seed", "count", "steps", "start", "duration", "channels")
    own = {name: getattr(options, name) for name in names}
    return own | settings_of(search.bank, options.sample_rate, search.x.shape[-1])


def _try_room(outputs: Outputs, search: Search, options: argparse.Namespace) -> None:
    """Stop before the work where there is no room for what comes of it."""
    of_state = search.n_bytes_of_state()
    of_one = search.x.size * _BYTES_OF_A_SAMPLE + options.steps * _BYTES_OF_A_STEP
    of_one += 2 * of_state  # the old one is kept until the new one is complete
    check_room(outputs.sounds[0], options.count * of_one + _BYTES_OF_A_PICTURE)


def _advance(run: Run, search: Search, options: argparse.Namespace) -> bool:
    """Take the steps that are left, one metamer after another; returns whether it was stopped."""
    source = Path(run.about["audio"])
    with _Progress(run, search, options) as progress, in_options(source, options):
        progress.begin()
        for one in run.metamers:
            n_left = options.steps - one.n_steps
            if not n_left or progress.interrupted:
                continue
            one.start_clock()
            progress.one = one
            search.advance(one.seed, n_left, one.state, progress)
        progress.save()
    return progress.interrupted


class _Progress:
    """The callback of a search: it reports, saves now and then, and stops after Ctrl-C."""

    def __init__(self, run: Run, search: Search, options: argparse.Namespace):
        self.one: Metamer = run.metamers[0]
        self.interrupted = False
        self._run = run
        self._search = search
        self._n_left = options.steps * options.count - run.n_steps
        self._rate = options.sample_rate
        self._next_state = 0.0
        self._lines = Progress(options.steps * options.count, "step", options, done=run.n_steps)
        self._stack = contextlib.ExitStack()
        self._is_stoppable = False

    def __enter__(self) -> "_Progress":
        self._stack.enter_context(self._lines)
        return self

    def __exit__(self, *_) -> None:
        self._stack.close()

    def begin(self) -> None:
        """Say how much there is to do, and how long it takes about."""
        self._lines.begin("compiling")
        x = self._search.x
        sound = f"{x.shape[-1] / self._rate:.1f} s of sound"
        sound += f" in {len(x)} channels" if x.ndim == 2 else ""
        seconds = self._n_left * self._search.seconds_of_step()
        self._lines.report(f"{sound}: {self._n_left} steps take about {duration(seconds)}")

    def __call__(self, state: ResynthesisState) -> bool:
        self.one.add(state)
        if self._run.n_steps and not self._is_stoppable:
            self._is_stoppable = True  # until here there is nothing to be written
            self._stack.enter_context(_interrupt.stoppable(self._stop))
        note = f"error {100 * float(state.error[0]):.2f} %"
        if len(self._run.metamers) > 1:
            note += f" (metamer {self._run.metamers.index(self.one) + 1})"
        self._lines.update(self._run.n_steps, note)
        if self._run.n_steps and time.monotonic() >= self._next_state:
            self.save()
        return self.interrupted

    def save(self) -> None:
        """Write the state; the run itself may end well without it."""
        begun = time.monotonic()
        if self._run.n_steps:
            try:
                self._run.save()
            except OSError as error:
                self._lines.error(f"The state could not be written: {of_file(error)}")
        now = time.monotonic()
        self._next_state = now + max(_SECONDS_BETWEEN_STATES, (now - begun) / _SHARE_OF_STATES)

    def _stop(self) -> None:
        self.interrupted = True
        self._lines.error(
            "Stopping after this step. Ctrl-C again quits at once, and writes nothing more; "
            "--resume goes on."
        )


def _report(outputs: Outputs, run: Run, seconds: float) -> None:
    for path, one in zip(outputs.sounds, run.begun, strict=False):
        error, n_kept = one.history["error"][-1], sum(map(bool, one.history["accepted"][1:]))
        print(f"{path}: error {100 * error:.2f} % after {one.n_steps} steps, {n_kept} of them kept")
    print(f"Target: {outputs.target}   Picture: {outputs.picture}   Record: {outputs.record}")
    if outputs.page is not None:
        print(f"Page: {outputs.page}")
    print(f"Time: {seconds:.0f} s")
